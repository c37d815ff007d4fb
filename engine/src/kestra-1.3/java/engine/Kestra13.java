package engine;

import io.kestra.core.http.HttpRequest;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.queues.QueueFactoryInterface;
import io.kestra.core.queues.QueueInterface;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.repositories.LogRepositoryInterface;
import io.kestra.core.runners.ExecutorInterface;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.server.ServiceType;
import io.kestra.core.services.FlowService;
import io.kestra.core.services.WebhookService;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.kestra.worker.DefaultWorker;
import io.micronaut.context.ApplicationContext;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.slf4j.event.Level;

/** Kestra 1.x: each service runs on a thread of its own, executions go straight into the executor's queue. */
@Singleton
class Kestra13 implements Generation {
    @Inject ApplicationContext context;
    @Inject FlowService flows;
    @Inject WebhookService webhooks;
    @Inject FlowRepositoryInterface flowRepository;
    @Inject LogRepositoryInterface logs;
    @Inject @Named(QueueFactoryInterface.EXECUTION_NAMED) QueueInterface<Execution> queue;

    @Override
    public void start(int workerThreads) {
        run("executor", context.getBean(ExecutorInterface.class));
        DefaultWorker worker = context.createBean(DefaultWorker.class, UUID.randomUUID().toString(), workerThreads, null);
        context.registerSingleton(worker);
        run("worker", worker);
        run("scheduler", context.getBean(Scheduler.class));
        run("indexer", context.getBean(Indexer.class));
    }

    /** A service that cannot start must end the server, not only its thread. */
    private static void run(String name, Runnable service) {
        Thread thread = new Thread(service, "engine-" + name);
        thread.setUncaughtExceptionHandler((t, cause) -> Engine.fail(cause));
        thread.start();
    }

    @Override
    public Set<ServiceType> needed() {
        return Set.of(ServiceType.EXECUTOR, ServiceType.WORKER, ServiceType.INDEXER);
    }

    @Override
    public FlowWithSource create(GenericFlow flow) throws Exception {
        return flows.create(flow, false);
    }

    @Override
    public FlowWithSource update(GenericFlow flow, FlowWithSource previous) throws Exception {
        return flowRepository.update(flow, previous);
    }

    @Override
    public void submit(Execution execution) throws Exception {
        queue.emit(execution);
    }

    @Override
    public WebhookContext webhook(HttpRequest request, String path, Flow flow, AbstractWebhookTrigger trigger) {
        return new WebhookContext(request, path, flow, trigger, webhooks);
    }

    @Override
    public List<LogEntry> logs(String tenant, String execution, Level minLevel) {
        return logs.findByExecutionId(tenant, execution, minLevel);
    }
}

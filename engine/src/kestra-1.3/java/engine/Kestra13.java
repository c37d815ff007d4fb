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
import io.kestra.core.services.FlowService;
import io.kestra.core.services.WebhookService;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import org.slf4j.event.Level;

/** Kestra 1.x: executions go straight into the executor's queue. */
@Singleton
@Webserver
class Kestra13 implements Generation {
    /** An unknown property of a flow is refused. */
    private static final boolean STRICT = true;

    @Inject FlowService flows;
    @Inject WebhookService webhooks;
    @Inject FlowRepositoryInterface flowRepository;
    @Inject LogRepositoryInterface logs;
    @Inject @Named(QueueFactoryInterface.EXECUTION_NAMED) QueueInterface<Execution> queue;

    @Override
    public FlowWithSource create(GenericFlow flow) throws Exception {
        return flows.create(flow, STRICT);
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
    public Execution shown(Execution execution) {
        return execution;
    }

    @Override
    public Execution listed(Execution execution) {
        return execution;
    }

    @Override
    public List<LogEntry> logs(String tenant, String execution, Level minLevel) {
        return logs.findByExecutionId(tenant, execution, minLevel);
    }

    @Override
    public boolean tellsItsVersionToAll() {
        return true;
    }
}

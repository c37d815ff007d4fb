package engine;

import io.kestra.core.models.ServerType;
import io.kestra.core.runners.Executor;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.runners.Worker;
import io.kestra.core.server.ServiceType;
import io.kestra.core.worker.Controller;
import io.kestra.worker.systemworker.SystemWorker;
import io.micronaut.context.ApplicationContext;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;

/** Kestra 2.x: the worker talks to a controller over gRPC, and to no database. */
@Singleton
class Roles {
    /** What a standalone server does not wait for: an execution runs to its end without. */
    static final Set<ServiceType> NOT_AWAITED = Set.of(ServiceType.SCHEDULER, ServiceType.SYSTEM_WORKER);

    private final ApplicationContext context;

    Roles(ApplicationContext context) {
        this.context = context;
    }

    /** What {@code kestra server ROLE} runs, in the order of starting. */
    static List<ServiceType> of(ServerType role) {
        return switch (role) {
            case STANDALONE -> List.of(ServiceType.CONTROLLER, ServiceType.EXECUTOR, ServiceType.SYSTEM_WORKER,
                ServiceType.WORKER, ServiceType.SCHEDULER, ServiceType.INDEXER);
            case WEBSERVER -> List.of(ServiceType.CONTROLLER, ServiceType.INDEXER);
            case EXECUTOR -> List.of(ServiceType.EXECUTOR, ServiceType.SYSTEM_WORKER);
            case SCHEDULER -> List.of(ServiceType.SCHEDULER);
            case INDEXER -> List.of(ServiceType.INDEXER);
            case WORKER -> List.of(ServiceType.WORKER);
            case CONTROLLER -> List.of(ServiceType.CONTROLLER);
        };
    }

    /** Whether the role migrates the database. */
    static boolean migrates(ServerType role) {
        return role != ServerType.WORKER;
    }

    /** Starts one service; returns before it is running. */
    void start(ServiceType service, int workerThreads) throws Exception {
        switch (service) {
            case CONTROLLER -> context.getBean(Controller.class).start();
            case EXECUTOR -> context.getBean(Executor.class).run();
            case SYSTEM_WORKER -> context.getBean(SystemWorker.class).start();
            case WORKER -> context.getBean(Worker.class).start(workerThreads);
            case SCHEDULER -> context.getBean(Scheduler.class).start(1);
            case INDEXER -> context.getBean(Indexer.class).run();
            default -> throw new IllegalArgumentException("no service " + service + " in this Kestra");
        }
    }
}

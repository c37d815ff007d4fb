package engine;

import io.kestra.core.models.ServerType;
import io.kestra.core.runners.ExecutorInterface;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.server.ServiceType;
import io.kestra.worker.DefaultWorker;
import io.micronaut.context.ApplicationContext;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** Kestra 1.x: each service runs on a thread of its own. */
@Singleton
class Roles {
    /** What a standalone server does not wait for: an execution runs to its end without. */
    static final Set<ServiceType> NOT_AWAITED = Set.of(ServiceType.SCHEDULER);

    private final ApplicationContext context;

    Roles(ApplicationContext context) {
        this.context = context;
    }

    /** What {@code kestra server ROLE} runs, in the order of starting. */
    static List<ServiceType> of(ServerType role) {
        return switch (role) {
            case STANDALONE -> List.of(ServiceType.EXECUTOR, ServiceType.WORKER, ServiceType.SCHEDULER, ServiceType.INDEXER);
            case WEBSERVER, INDEXER -> List.of(ServiceType.INDEXER);
            case EXECUTOR -> List.of(ServiceType.EXECUTOR);
            case SCHEDULER -> List.of(ServiceType.SCHEDULER);
            case WORKER -> List.of(ServiceType.WORKER);
        };
    }

    /** Whether the role migrates the database. */
    static boolean migrates(ServerType role) {
        return true;
    }

    /** Starts one service; returns before it is running. */
    void start(ServiceType service, int workerThreads) {
        Runnable runs = switch (service) {
            case EXECUTOR -> context.getBean(ExecutorInterface.class);
            case SCHEDULER -> context.getBean(Scheduler.class);
            case INDEXER -> context.getBean(Indexer.class);
            case WORKER -> {
                DefaultWorker worker = context.createBean(DefaultWorker.class, UUID.randomUUID().toString(), workerThreads, null);
                context.registerSingleton(worker);
                yield worker;
            }
            default -> throw new IllegalArgumentException("no service " + service + " in this Kestra");
        };
        Thread thread = new Thread(runs, "engine-" + service);
        // A service that cannot start must end the server, not only its thread.
        thread.setUncaughtExceptionHandler((t, cause) -> Engine.fail(cause));
        thread.start();
    }
}

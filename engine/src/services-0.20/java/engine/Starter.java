package engine;

import io.kestra.core.runners.ExecutorInterface;
import io.kestra.core.runners.IndexerInterface;
import io.kestra.core.runners.Worker;
import io.kestra.core.schedulers.AbstractScheduler;
import io.micronaut.context.ApplicationContext;
import jakarta.inject.Singleton;
import java.util.EnumSet;
import java.util.Set;
import java.util.UUID;

/** Before 1.0 the services are classes of core and jdbc, each on a thread of its own. */
@Singleton
class Starter {
    /** The services of this Kestra. */
    static final Set<Part> PARTS = EnumSet.of(Part.EXECUTOR, Part.WORKER, Part.SCHEDULER, Part.INDEXER);

    private final ApplicationContext context;

    Starter(ApplicationContext context) {
        this.context = context;
    }

    /** Starts one service; returns before it is running. */
    void start(Part part, int workerThreads) {
        Runnable service = switch (part) {
            case EXECUTOR -> context.getBean(ExecutorInterface.class);
            case SCHEDULER -> context.getBean(AbstractScheduler.class);
            case INDEXER -> context.getBean(IndexerInterface.class);
            case WORKER -> {
                Worker worker = context.createBean(Worker.class, UUID.randomUUID().toString(), workerThreads, null);
                context.registerSingleton(worker);
                yield worker;
            }
            default -> throw new IllegalArgumentException("no service " + part + " in this Kestra");
        };
        Thread thread = new Thread(service, "engine-" + part);
        // A service that cannot start must end the server, not only its thread.
        thread.setUncaughtExceptionHandler((t, cause) -> Engine.fail(cause));
        thread.start();
    }
}

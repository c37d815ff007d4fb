package engine;

import io.kestra.core.runners.Executor;
import io.kestra.core.runners.Indexer;
import io.kestra.core.runners.Scheduler;
import io.kestra.core.runners.Worker;
import io.kestra.core.worker.Controller;
import io.kestra.worker.systemworker.SystemWorker;
import io.micronaut.context.ApplicationContext;
import jakarta.inject.Singleton;
import java.util.EnumSet;
import java.util.Set;

/** Since 2.0 the worker talks to a controller over gRPC, and to no database. */
@Singleton
class Starter {
    /** The services of this Kestra. */
    static final Set<Part> PARTS = EnumSet.allOf(Part.class);

    private final ApplicationContext context;

    Starter(ApplicationContext context) {
        this.context = context;
    }

    /** Starts one service; returns before it is running. */
    void start(Part part, int workerThreads) throws Exception {
        switch (part) {
            case CONTROLLER -> context.getBean(Controller.class).start();
            case EXECUTOR -> context.getBean(Executor.class).run();
            case SYSTEM_WORKER -> context.getBean(SystemWorker.class).start();
            case WORKER -> context.getBean(Worker.class).start(workerThreads);
            case SCHEDULER -> context.getBean(Scheduler.class).start(1);
            case INDEXER -> context.getBean(Indexer.class).run();
        }
    }
}

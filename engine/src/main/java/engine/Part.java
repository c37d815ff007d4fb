package engine;

import io.kestra.core.server.Service;
import java.util.Optional;
import java.util.stream.Stream;

/** The services that servers are made of, under Kestra's names. Kestra's own type for them is another one before 0.22. */
enum Part {
    CONTROLLER, EXECUTOR, SYSTEM_WORKER, WORKER, SCHEDULER, INDEXER;

    /** Which of them a running service is; empty for those that no role has to start. */
    static Optional<Part> of(Service service) {
        return Stream.of(values()).filter(part -> part.name().equals(service.getType().name())).findFirst();
    }
}

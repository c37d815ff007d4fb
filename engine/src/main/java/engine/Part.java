package engine;

import io.kestra.core.server.Service;
import java.util.Optional;
import java.util.stream.Stream;

/** The services that servers are made of, under Kestra's names; its own type for them moved in 0.22, and none knows them all. */
enum Part {
    CONTROLLER, EXECUTOR, SYSTEM_WORKER, WORKER, SCHEDULER, INDEXER;

    /** Which of them a running service is; empty for those that no role has to start. */
    static Optional<Part> of(Service service) {
        return Stream.of(values()).filter(part -> part.name().equals(service.getType().name())).findFirst();
    }
}

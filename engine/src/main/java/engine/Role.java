package engine;

import java.util.List;

/** What {@code kestra server ROLE} can start. */
enum Role {
    STANDALONE(Part.CONTROLLER, Part.EXECUTOR, Part.SYSTEM_WORKER, Part.WORKER, Part.SCHEDULER, Part.INDEXER),
    WEBSERVER(Part.CONTROLLER, Part.INDEXER),
    EXECUTOR(Part.EXECUTOR, Part.SYSTEM_WORKER),
    WORKER(Part.WORKER),
    SCHEDULER(Part.SCHEDULER),
    INDEXER(Part.INDEXER),
    CONTROLLER(Part.CONTROLLER);

    private final List<Part> parts;

    Role(Part... parts) {
        this.parts = List.of(parts);
    }

    /** Those of its services that this Kestra has, in the order of starting; none if it has not even the role. */
    List<Part> parts() {
        return parts.stream().filter(Starter.PARTS::contains).toList();
    }

    /** Whether the role migrates the database: a worker that talks to a controller uses none. */
    boolean migrates() {
        return this != WORKER || !Starter.PARTS.contains(Part.CONTROLLER);
    }
}

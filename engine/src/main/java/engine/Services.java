package engine;

import io.kestra.core.server.Service;
import io.kestra.core.server.Service.ServiceState;
import io.kestra.core.server.ServiceStateChangeEvent;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.health.HealthStatus;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import io.micronaut.management.health.indicator.annotation.Readiness;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Starts what the role runs. Health is UP only once that runs: the HTTP port alone answers seconds earlier. */
@Singleton
@Readiness
class Services implements HealthIndicator, ApplicationEventListener<ServiceStateChangeEvent> {
    /** What a standalone server does not wait for: an execution runs to its end without. */
    private static final Set<Part> NOT_AWAITED = Set.of(Part.SCHEDULER, Part.SYSTEM_WORKER);

    private final Starter starter;
    private final Map<Part, Service> seen = new EnumMap<>(Part.class);
    /** Null until it is known, which is after the first questions for health. */
    private List<Part> needed;

    Services(Starter starter) {
        this.starter = starter;
    }

    /** Starts them in their order; returns before they are all running. */
    void start(Options options) throws Exception {
        List<Part> wanted = options.role().parts().stream().filter(part -> !options.without().contains(part)).toList();
        synchronized (this) {
            needed = wanted.stream()
                .filter(part -> options.role() != Role.STANDALONE || !NOT_AWAITED.contains(part)).toList();
        }
        for (Part part : wanted) {
            starter.start(part, options.workerThreads());
        }
    }

    @Override
    public synchronized void onApplicationEvent(ServiceStateChangeEvent event) {
        Part.of(event.getService()).ifPresent(part -> seen.put(part, event.getService()));
        notifyAll();
    }

    /**
     * Returns when every needed service is running.
     *
     * @throws IllegalStateException when one has ended instead, or not all run within {@code longest}
     */
    synchronized void awaitRunning(Duration longest) throws InterruptedException {
        long deadline = System.nanoTime() + longest.toNanos();
        while (!running()) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0 || states().values().stream().anyMatch(ServiceState::isDisconnectedOrTerminating)) {
                throw new IllegalStateException("not all services came to run: " + states());
            }
            wait(left);
        }
    }

    @Override
    public Publisher<HealthResult> getResult() {
        return Mono.fromSupplier(() -> HealthResult.builder("engine", running() ? HealthStatus.UP : HealthStatus.DOWN)
            .details(states()).build());
    }

    private synchronized boolean running() {
        // Not ServiceState.isRunning(): to Kestra CREATED is one of the running states.
        return needed != null && states().values().stream().allMatch(ServiceState.RUNNING::equals);
    }

    /** The state of each needed service; one that has said nothing yet counts as CREATED. */
    private synchronized Map<Part, ServiceState> states() {
        Map<Part, ServiceState> states = new EnumMap<>(Part.class);
        for (Part part : needed == null ? List.<Part>of() : needed) {
            Service service = seen.get(part);
            states.put(part, service == null ? ServiceState.CREATED : service.getState());
        }
        return states;
    }
}

package engine;

import io.kestra.core.models.ServerType;
import io.kestra.core.server.Service;
import io.kestra.core.server.Service.ServiceState;
import io.kestra.core.server.ServiceStateChangeEvent;
import io.kestra.core.server.ServiceType;
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
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Starts what the role runs. Health is UP only once that runs: the HTTP port alone answers seconds earlier. */
@Singleton
@Readiness
class Services implements HealthIndicator, ApplicationEventListener<ServiceStateChangeEvent> {
    private final Roles roles;
    private final Map<ServiceType, Service> seen = new EnumMap<>(ServiceType.class);
    /** Null until it is known, which is after the first questions for health. */
    private List<ServiceType> needed;

    Services(Roles roles) {
        this.roles = roles;
    }

    /** Starts them in their order; returns before they are all running. */
    void start(Options options) throws Exception {
        List<ServiceType> wanted = Roles.of(options.role()).stream().filter(service -> !options.without().contains(service)).toList();
        synchronized (this) {
            needed = wanted.stream()
                .filter(service -> options.role() != ServerType.STANDALONE || !Roles.NOT_AWAITED.contains(service)).toList();
        }
        for (ServiceType service : wanted) {
            roles.start(service, options.workerThreads());
        }
    }

    @Override
    public synchronized void onApplicationEvent(ServiceStateChangeEvent event) {
        seen.put(event.getService().getType(), event.getService());
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
    private synchronized Map<ServiceType, ServiceState> states() {
        Map<ServiceType, ServiceState> states = new EnumMap<>(ServiceType.class);
        for (ServiceType type : needed == null ? List.<ServiceType>of() : needed) {
            Service service = seen.get(type);
            states.put(type, service == null ? ServiceState.CREATED : service.getState());
        }
        return states;
    }
}

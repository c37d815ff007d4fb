package engine;

import io.kestra.core.server.Service;
import io.kestra.core.server.Service.ServiceState;
import io.kestra.core.server.ServiceStateChangeEvent;
import io.kestra.core.server.ServiceType;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.health.HealthStatus;
import io.micronaut.management.health.indicator.HealthIndicator;
import io.micronaut.management.health.indicator.HealthResult;
import io.micronaut.management.health.indicator.annotation.Readiness;
import jakarta.inject.Provider;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Health that is UP only once an execution would run to its end: the HTTP port alone answers seconds earlier. */
@Singleton
@Readiness
class Services implements HealthIndicator, ApplicationEventListener<ServiceStateChangeEvent> {
    private final Provider<Generation> kestra;
    private final Map<ServiceType, Service> seen = new EnumMap<>(ServiceType.class);

    Services(Provider<Generation> kestra) {
        this.kestra = kestra;
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

    private boolean running() {
        // Not ServiceState.isRunning(): to Kestra CREATED is one of the running states.
        return states().values().stream().allMatch(ServiceState.RUNNING::equals);
    }

    /** The state of each needed service; one that has said nothing yet counts as CREATED. */
    private synchronized Map<ServiceType, ServiceState> states() {
        Map<ServiceType, ServiceState> states = new EnumMap<>(ServiceType.class);
        for (ServiceType type : kestra.get().needed()) {
            Service service = seen.get(type);
            states.put(type, service == null ? ServiceState.CREATED : service.getState());
        }
        return states;
    }
}

package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.FlowService;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

/** From 0.23 to 1.x a service creates a flow, and the repository updates it. */
@Singleton
@Webserver
class Flows {
    /** An unknown property of a flow is refused. */
    private static final boolean STRICT = true;

    @Inject FlowService service;
    @Inject ExecutionService executions;
    @Inject FlowRepositoryInterface repository;

    FlowWithSource create(String tenant, String source) throws Exception {
        return service.create(GenericFlow.fromYaml(tenant, source), STRICT);
    }

    FlowWithSource update(String tenant, String source, FlowWithSource previous) throws Exception {
        return repository.update(GenericFlow.fromYaml(tenant, source), previous);
    }

    /** Whether an execution is at its end, and what the flow runs after that as well. */
    boolean ended(Flow flow, Execution execution) {
        return executions.isTerminated(flow, execution);
    }
}

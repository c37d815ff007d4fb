package engine;

import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.services.FlowService;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

/** Since 2.0 a service creates and updates a flow. */
@Singleton
@Webserver
class Flows {
    @Inject FlowService service;

    FlowWithSource create(String tenant, String source) throws Exception {
        return service.create(GenericFlow.fromYaml(tenant, source));
    }

    FlowWithSource update(String tenant, String source, FlowWithSource previous) throws Exception {
        return service.update(GenericFlow.fromYaml(tenant, source), previous);
    }
}

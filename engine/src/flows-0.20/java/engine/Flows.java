package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.serializers.YamlParser;
import io.kestra.core.services.PluginDefaultService;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

/** Before 0.23 the repository takes a flow three times: as it is, as text, and with the defaults of its plugins. */
@Singleton
@Webserver
class Flows {
    @Inject YamlParser yaml;
    @Inject PluginDefaultService defaults;
    @Inject FlowRepositoryInterface repository;

    FlowWithSource create(String tenant, String source) {
        Flow flow = yaml.parse(source, Flow.class);
        return repository.create(flow, source, defaults.injectDefaults(FlowWithSource.of(flow, source)));
    }

    FlowWithSource update(String tenant, String source, FlowWithSource previous) {
        Flow flow = yaml.parse(source, Flow.class);
        return repository.update(flow, previous, source, defaults.injectDefaults(FlowWithSource.of(flow, source)));
    }

    /** Whether an execution is at its end. */
    boolean ended(Flow flow, Execution execution) {
        return execution.getState().isTerminated();
    }
}

package engine;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.kestra.core.executor.command.Create;
import io.kestra.core.executor.command.ExecutionCommand;
import io.kestra.core.http.HttpRequest;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.ExecutionId;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.executions.TaskRun;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.queues.DispatchQueueInterface;
import io.kestra.core.repositories.LogDataStoreInterface;
import io.kestra.core.services.FlowService;
import io.kestra.core.services.WebhookService;
import io.kestra.core.utils.IdUtils;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import org.slf4j.event.Level;

/** Kestra 2.x: executions are commands. */
@Singleton
@Webserver
class Kestra20 implements Generation {
    @Inject FlowService flows;
    @Inject WebhookService webhooks;
    @Inject LogDataStoreInterface logs;
    @Inject DispatchQueueInterface<ExecutionCommand> commands;

    @Override
    public FlowWithSource create(GenericFlow flow) throws Exception {
        return flows.create(flow);
    }

    @Override
    public FlowWithSource update(GenericFlow flow, FlowWithSource previous) throws Exception {
        return flows.update(flow, previous);
    }

    @Override
    public void submit(Execution execution) throws Exception {
        ExecutionId id = new ExecutionId(execution.getTenantId(), execution.getNamespace(), execution.getFlowId(),
            execution.getId(), execution.getFlowRevision());
        commands.emit(Create.of(id).withInputs(execution.getInputs()).withLabels(execution.getLabels()));
    }

    @Override
    public WebhookContext webhook(HttpRequest request, String path, Flow flow, AbstractWebhookTrigger trigger) {
        return new WebhookContext(request, path, flow, trigger, webhooks, IdUtils.create(), null);
    }

    @Override
    public Shown shown(Execution execution) {
        return new Shown(execution.getTenantId(), execution, execution.getTaskRunList());
    }

    @Override
    public Listed listed(Execution execution) {
        return new Listed(execution.getTenantId(), execution);
    }

    /** Whole, but for what its task runs would only repeat. */
    record Shown(String tenantId, @JsonUnwrapped @JsonIgnoreProperties({"deleted", "taskRunList"}) Execution execution,
                 @JsonIgnoreProperties({"executionId", "namespace", "flowId", "outputs"}) List<TaskRun> taskRunList) {
    }

    /** Light: whoever wants the task runs asks for the execution by its id. */
    record Listed(String tenantId,
                  @JsonUnwrapped @JsonIgnoreProperties({"deleted", "taskRunList", "metadata"}) Execution execution) {
    }

    @Override
    public List<LogEntry> logs(String tenant, String execution, Level minLevel) {
        return logs.findByExecutionId(tenant, execution, minLevel);
    }

    @Override
    public boolean tellsItsVersionToAll() {
        return false;
    }
}

package engine;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.kestra.core.executor.command.Create;
import io.kestra.core.executor.command.ExecutionCommand;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.ExecutionId;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.executions.TaskRun;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.queues.DispatchQueueInterface;
import io.kestra.core.repositories.LogDataStoreInterface;
import io.kestra.core.services.ExecutionService;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import org.slf4j.event.Level;

/** Since 2.0 executions are commands, and are answered without their outputs. */
@Singleton
@Webserver
class Executions {
    @Inject LogDataStoreInterface logs;
    @Inject ExecutionService service;
    @Inject DispatchQueueInterface<ExecutionCommand> commands;

    /** Hands a new execution to the executor without waiting for it. */
    void submit(Execution execution) throws Exception {
        ExecutionId id = new ExecutionId(execution.getTenantId(), execution.getNamespace(), execution.getFlowId(),
            execution.getId(), execution.getFlowRevision());
        commands.emit(Create.of(id).withInputs(execution.getInputs()).withLabels(execution.getLabels()));
    }

    /** Runs a new execution to its end. */
    Execution run(Execution execution, Flow flow, Duration longest) {
        return service.runAndWait(execution, flow, longest);
    }

    /** What is answered to whoever asks for one execution. */
    Shown shown(Execution execution) {
        return new Shown(execution.getTenantId(), execution, execution.getTaskRunList());
    }

    /** What a search answers of an execution. */
    Listed listed(Execution execution) {
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

    List<LogEntry> logs(String tenant, String execution, Level minLevel) {
        return logs.findByExecutionId(tenant, execution, minLevel);
    }
}

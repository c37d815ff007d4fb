package engine;

import io.kestra.core.exceptions.InternalException;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.services.TaskOutputService;
import io.kestra.core.tenant.TenantService;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import jakarta.inject.Inject;
import java.util.Map;
import java.util.NoSuchElementException;

/** Since 2.0 an execution no longer carries its outputs; they have a path of their own. */
@Controller("${engine.api}/outputs")
@ExecuteOn(TaskExecutors.BLOCKING)
@Webserver
class OutputsApi {
    @Inject ExecutionRepositoryInterface executions;
    @Inject TaskOutputService outputs;
    @Inject TenantService tenants;

    @Get("/tasks/{executionId}/{taskRunId}")
    Map<String, Object> taskRun(String executionId, String taskRunId) throws InternalException {
        Execution execution = executions.findById(tenants.resolveTenant(), executionId).orElseThrow(NoSuchElementException::new);
        return outputs.getOutputs(execution.findTaskRunByTaskRunIdIfPresent(taskRunId).orElseThrow(NoSuchElementException::new));
    }
}

package engine;

import io.kestra.core.models.Label;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.FlowService;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.data.model.Pageable;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Put;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.annotation.Status;
import io.micronaut.http.server.multipart.MultipartBody;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.slf4j.event.Level;

/** Flows, executions and logs: the slice of Kestra's REST API the harness needs, on Kestra's own services. */
@Controller("/api/v1/{tenant}")
@ExecuteOn(TaskExecutors.BLOCKING)
@Webserver
class Api {
    /** An answer to wait=true comes at the latest then; the caller's own deadline is shorter. */
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(60);

    @Inject Generation kestra;
    @Inject FlowService flows;
    @Inject FlowRepositoryInterface flowRepository;
    @Inject ExecutionService executionService;
    @Inject ExecutionRepositoryInterface executions;
    @Inject FlowInputOutput inputOutput;

    @Post(uri = "/flows", consumes = MediaType.APPLICATION_YAML)
    FlowWithSource createFlow(String tenant, @Body String source) throws Exception {
        return kestra.create(GenericFlow.fromYaml(tenant, source));
    }

    @Put(uri = "/flows/{namespace}/{id}", consumes = MediaType.APPLICATION_YAML)
    FlowWithSource updateFlow(String tenant, String namespace, String id, @Body String source) throws Exception {
        return kestra.update(GenericFlow.fromYaml(tenant, source), flow(tenant, namespace, id));
    }

    @Get("/flows/{namespace}/{id}")
    FlowWithSource flow(String tenant, String namespace, String id) {
        return flowRepository.findByIdWithSource(tenant, namespace, id).orElseThrow(NoSuchElementException::new);
    }

    @Delete("/flows/{namespace}/{id}")
    @Status(HttpStatus.NO_CONTENT)
    void deleteFlow(String tenant, String namespace, String id) {
        flows.delete(flow(tenant, namespace, id));
    }

    @Post(uri = "/executions/{namespace}/{id}", consumes = MediaType.MULTIPART_FORM_DATA)
    Execution createExecution(String tenant, String namespace, String id, @Body @Nullable MultipartBody form,
                              @QueryValue(defaultValue = "false") boolean wait,
                              @QueryValue @Nullable List<String> labels) throws Exception {
        Flow flow = flows.getFlowIfExecutableOrThrow(tenant, namespace, id, Optional.empty());
        Execution execution = Execution.newExecution(flow, labels == null ? List.of() : labels.stream().map(Api::label).toList());
        if (form != null) {
            execution = execution.withInputs(inputOutput.readExecutionInputs(flow, execution, form).block());
        }
        if (wait) {
            return executionService.runAndWait(execution, flow, LONGEST_WAIT);
        }
        kestra.submit(execution);
        return execution;
    }

    /** A flow's executions, a page of them: what a trigger or a schedule made is found here. */
    @Get("/executions")
    Map<String, Object> search(String tenant, @QueryValue String namespace, @QueryValue String flowId,
                               @QueryValue(defaultValue = "1") int page, @QueryValue(defaultValue = "10") int size) {
        ArrayListTotal<Execution> found = executions.findByFlowId(tenant, namespace, flowId, Pageable.from(page, size));
        return Map.of("results", found, "total", found.getTotal());
    }

    @Get("/executions/{id}")
    Execution execution(String tenant, String id) {
        return executions.findById(tenant, id).orElseThrow(NoSuchElementException::new);
    }

    @Delete("/executions/{id}")
    @Status(HttpStatus.NO_CONTENT)
    void deleteExecution(String tenant, String id,
                         @QueryValue(defaultValue = "true") boolean deleteLogs,
                         @QueryValue(defaultValue = "true") boolean deleteMetrics,
                         @QueryValue(defaultValue = "true") boolean deleteStorage) throws Exception {
        executionService.delete(execution(tenant, id), deleteLogs, deleteMetrics, deleteStorage);
    }

    @Get("/logs/{executionId}")
    List<LogEntry> logs(String tenant, String executionId, @QueryValue @Nullable Level minLevel) {
        return kestra.logs(tenant, executionId, minLevel);
    }

    private static Label label(String pair) {
        int colon = pair.indexOf(':');
        if (colon < 1) {
            throw new IllegalArgumentException("label '" + pair + "' is not of the form key:value");
        }
        return new Label(pair.substring(0, colon), pair.substring(colon + 1));
    }
}

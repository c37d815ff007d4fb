package engine;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import io.kestra.core.models.Label;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.repositories.ArrayListTotal;
import io.kestra.core.repositories.ExecutionRepositoryInterface;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.runners.FlowInputOutput;
import io.kestra.core.services.ExecutionService;
import io.kestra.core.services.FlowService;
import io.kestra.core.tenant.TenantService;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import org.slf4j.event.Level;

/**
 * Flows, executions and logs: the slice of Kestra's REST API the harness needs, on Kestra's own services. Where a path
 * has a tenant the open-source server knows but one, and takes every name in the path for it.
 */
@Controller("${engine.api}")
@ExecuteOn(TaskExecutors.BLOCKING)
@Webserver
class Api {
    /** An answer to wait=true comes at the latest then; the caller's own deadline is shorter. */
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(60);

    /** Who started an execution; known since 1.2. */
    private static final String FROM = "system.from";
    private static final Set<String> OPEN_LABELS = Kestra.since(1, 2) ? Set.of(Label.CORRELATION_ID, FROM) : Set.of(Label.CORRELATION_ID);

    @Inject Flows flows;
    @Inject Executions executions;
    @Inject FlowService flowService;
    @Inject FlowRepositoryInterface flowRepository;
    @Inject ExecutionService executionService;
    @Inject ExecutionRepositoryInterface executionRepository;
    @Inject FlowInputOutput inputOutput;
    @Inject TenantService tenants;

    @Post(uri = "/flows", consumes = MediaType.APPLICATION_YAML)
    FlowWithSource createFlow(@Body String source) throws Exception {
        return flows.create(tenants.resolveTenant(), source);
    }

    @Put(uri = "/flows/{namespace}/{id}", consumes = MediaType.APPLICATION_YAML)
    FlowWithSource updateFlow(String namespace, String id, @Body String source) throws Exception {
        return flows.update(tenants.resolveTenant(), source, withSource(namespace, id));
    }

    @Get("/flows/{namespace}/{id}")
    Flow flow(String namespace, String id, @QueryValue(defaultValue = "false") boolean source) {
        return source ? withSource(namespace, id)
            : flowRepository.findById(tenants.resolveTenant(), namespace, id).orElseThrow(NoSuchElementException::new);
    }

    @Delete("/flows/{namespace}/{id}")
    @Status(HttpStatus.NO_CONTENT)
    void deleteFlow(String namespace, String id) {
        flowService.delete(withSource(namespace, id));
    }

    private FlowWithSource withSource(String namespace, String id) {
        return flowRepository.findByIdWithSource(tenants.resolveTenant(), namespace, id).orElseThrow(NoSuchElementException::new);
    }

    @Post(uri = "/executions/{namespace}/{id}", consumes = MediaType.MULTIPART_FORM_DATA)
    Created createExecution(String namespace, String id, @Body @Nullable MultipartBody form,
                            @QueryValue(defaultValue = "false") boolean wait,
                            @QueryValue @Nullable List<String> labels) throws Exception {
        Flow flow = flowService.getFlowIfExecutableOrThrow(tenants.resolveTenant(), namespace, id, Optional.empty());
        Execution execution = Execution.newExecution(flow, labels(labels == null ? List.of() : labels));
        if (form != null) {
            execution = execution.withInputs(inputOutput.readExecutionInputs(flow, execution, form).block());
        }
        if (wait) {
            return Created.of(executions.run(execution, flow, LONGEST_WAIT));
        }
        executions.submit(execution);
        return Created.of(execution);
    }

    /** What is answered to whoever starts an execution: all of it, and where the UI would show it. */
    record Created(String url, @JsonUnwrapped Execution execution) {
        static Created of(Execution execution) {
            String tenant = execution.getTenantId() == null ? "" : "/" + execution.getTenantId();
            return new Created("/ui%s/executions/%s/%s/%s".formatted(tenant, execution.getNamespace(), execution.getFlowId(),
                execution.getId()), execution);
        }
    }

    /** A flow's executions, a page of them: what a trigger or a schedule made is found here. */
    @Get("/executions")
    Map<String, Object> search(@QueryValue String namespace, @QueryValue String flowId,
                               @QueryValue(defaultValue = "1") int page, @QueryValue(defaultValue = "10") int size) {
        ArrayListTotal<Execution> found =
            executionRepository.findByFlowId(tenants.resolveTenant(), namespace, flowId, Pageable.from(page, size));
        return Map.of("results", found.stream().map(executions::listed).toList(), "total", found.getTotal());
    }

    @Get("/executions/{id}")
    Object execution(String id) {
        return executions.shown(find(id));
    }

    @Delete("/executions/{id}")
    @Status(HttpStatus.NO_CONTENT)
    void deleteExecution(String id,
                         @QueryValue(defaultValue = "true") boolean deleteLogs,
                         @QueryValue(defaultValue = "true") boolean deleteMetrics,
                         @QueryValue(defaultValue = "true") boolean deleteStorage) throws Exception {
        executionService.delete(find(id), deleteLogs, deleteMetrics, deleteStorage);
    }

    private Execution find(String id) {
        return executionRepository.findById(tenants.resolveTenant(), id).orElseThrow(NoSuchElementException::new);
    }

    @Get("/logs/{executionId}")
    List<LogEntry> logs(String executionId, @QueryValue @Nullable Level minLevel) {
        return executions.logs(tenants.resolveTenant(), executionId, minLevel);
    }

    /** The labels that were asked for, and who asks. Of Kestra's own a caller may give no others. */
    private static List<Label> labels(List<String> pairs) {
        List<Label> labels = new ArrayList<>();
        for (String pair : pairs) {
            int colon = pair.indexOf(':');
            if (colon < 1) {
                throw new IllegalArgumentException("label '" + pair + "' is not of the form key:value");
            }
            Label label = new Label(pair.substring(0, colon), pair.substring(colon + 1));
            if (label.key().startsWith(Label.SYSTEM_PREFIX) && !OPEN_LABELS.contains(label.key())) {
                throw new IllegalArgumentException("System labels can only be set by Kestra itself, offending label: " + pair);
            }
            labels.add(label);
        }
        if (OPEN_LABELS.contains(FROM) && labels.stream().noneMatch(label -> label.key().equals(FROM))) {
            labels.add(new Label(FROM, "api"));
        }
        return labels;
    }
}

package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.triggers.AbstractTrigger;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.services.ConditionService;
import io.kestra.core.services.LabelService;
import io.kestra.plugin.core.trigger.Webhook;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.NoSuchElementException;
import reactor.core.publisher.Mono;

/** Before 1.3 a webhook makes an execution, and Kestra's web server submits and answers it. */
@Singleton
@Webserver
class Webhooks {
    @Inject ConditionService conditions;
    @Inject RunContextFactory runContexts;
    @Inject Executions executions;

    /** The key of a webhook as the flow has it; null for other triggers. */
    String key(AbstractTrigger trigger) {
        return trigger instanceof Webhook webhook ? webhook.getKey() : null;
    }

    /** Evaluates a webhook; these have nothing that could follow the key. */
    Mono<HttpResponse<?>> evaluate(Flow flow, AbstractTrigger trigger, String path, HttpRequest<String> request) throws Exception {
        if (path != null) {
            throw new NoSuchElementException("Webhook not found");
        }
        Execution execution = ((Webhook) trigger).evaluate(request, flow)
            .orElseThrow(() -> new NoSuchElementException("No execution triggered"));
        if (flow.getLabels() != null) {
            execution = execution.withLabels(LabelService.labelsExcludingSystem(flow));
        }
        // The conditions of a webhook may ask for its body and headers, which the execution carries.
        if (!conditions.isValid(flow, trigger, conditions.conditionContext(runContexts.of(flow, execution), flow, execution))) {
            return Mono.just(HttpResponse.noContent());
        }
        executions.submit(execution);
        return Mono.just(HttpResponse.ok(execution));
    }
}

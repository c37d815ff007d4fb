package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.triggers.AbstractTrigger;
import io.kestra.core.queues.QueueFactoryInterface;
import io.kestra.core.queues.QueueInterface;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.services.ConditionService;
import io.kestra.core.services.LabelService;
import io.kestra.plugin.core.trigger.Webhook;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;

/** Before 1.3 Kestra's web server waits for an execution, and makes one of what a webhook evaluates to. */
@Singleton
@Webserver
class Runs {
    @Inject ConditionService conditions;
    @Inject RunContextFactory runContexts;
    @Inject @Named(QueueFactoryInterface.EXECUTION_NAMED) QueueInterface<Execution> queue;

    /** Runs an execution to its end. */
    Execution run(Execution execution, Flow flow, Duration longest) throws Exception {
        CompletableFuture<Execution> ended = new CompletableFuture<>();
        Runnable stop = queue.receive(message -> {
            if (message.isLeft() && message.getLeft().getId().equals(execution.getId()) && message.getLeft().getState().isTerminated()) {
                ended.complete(message.getLeft());
            }
        });
        try {
            queue.emit(execution);
            return ended.get(longest.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            stop.run();
        }
    }

    /** The key of a webhook as the flow has it; null for other triggers. */
    String key(AbstractTrigger trigger) {
        return trigger instanceof Webhook webhook ? webhook.getKey() : null;
    }

    /** Evaluates a webhook; these have nothing that could follow the key. */
    Mono<HttpResponse<?>> webhook(Flow flow, AbstractTrigger trigger, String path, HttpRequest<String> request) throws Exception {
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
        queue.emit(execution);
        return Mono.just(HttpResponse.ok(execution));
    }
}

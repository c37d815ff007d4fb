package engine;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.http.HttpRequest.StringRequestBody;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithException;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.tenant.TenantService;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
import io.micronaut.http.MutableHttpResponse;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.PathVariable;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Put;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;
import jakarta.inject.Inject;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/** Webhook triggers: found by their rendered key and evaluated by Kestra itself. The key is all that guards them. */
@Controller("/api/v1/{tenant}/executions/webhook/{namespace}/{id}/{key}{/path}")
@ExecuteOn(TaskExecutors.BLOCKING)
@Webserver
class WebhookApi {
    private static final Logger LOG = LoggerFactory.getLogger(WebhookApi.class);

    @Inject Generation kestra;
    @Inject FlowRepositoryInterface flows;
    @Inject RunContextFactory runContexts;
    @Inject TenantService tenants;

    @Get
    Mono<HttpResponse<?>> get(String namespace, String id, String key,
                              @PathVariable @Nullable String path, HttpRequest<String> request) throws Exception {
        return trigger(namespace, id, key, path, request);
    }

    @Post(consumes = MediaType.ALL)
    Mono<HttpResponse<?>> post(String namespace, String id, String key,
                               @PathVariable @Nullable String path, HttpRequest<String> request) throws Exception {
        return trigger(namespace, id, key, path, request);
    }

    @Put(consumes = MediaType.ALL)
    Mono<HttpResponse<?>> put(String namespace, String id, String key,
                              @PathVariable @Nullable String path, HttpRequest<String> request) throws Exception {
        return trigger(namespace, id, key, path, request);
    }

    private Mono<HttpResponse<?>> trigger(String namespace, String id, String key, String path,
                                          HttpRequest<String> request) throws Exception {
        // Whoever does not know the key learns nothing of the flow, not even that there is one.
        Optional<Flow> found = flows.findById(tenants.resolveTenant(), namespace, id);
        AbstractWebhookTrigger trigger = found.stream().flatMap(flow -> matching(flow, key)).findFirst()
            .orElseThrow(() -> new NoSuchElementException("Webhook not found"));
        Flow flow = found.get();
        if (flow.isDisabled()) {
            throw new IllegalStateException("Cannot execute flow: flow is disabled.");
        }
        if (flow instanceof FlowWithException invalid) {
            throw new IllegalStateException("Cannot execute flow: flow is invalid: " + invalid.getException());
        }
        io.kestra.core.http.HttpRequest inner = io.kestra.core.http.HttpRequest.of(request.getUri(),
            request.getMethodName(), request.getBody().map(StringRequestBody::of).orElse(null), request.getHeaders().asMap());
        return trigger.evaluate(kestra.webhook(inner, path, flow, trigger)).map(WebhookApi::answer);
    }

    private Stream<AbstractWebhookTrigger> matching(Flow flow, String key) {
        return Stream.ofNullable(flow.getTriggers()).flatMap(triggers -> triggers.stream())
            .filter(AbstractWebhookTrigger.class::isInstance).map(AbstractWebhookTrigger.class::cast)
            .filter(trigger -> {
                try {
                    return runContexts.of(flow, trigger).render(trigger.getKey()).trim().equals(key);
                } catch (IllegalVariableEvaluationException e) {
                    // As Kestra: a key that cannot be rendered belongs to nobody.
                    LOG.warn("Unable to render the webhook key of {}.{}, the webhook will be ignored",
                        flow.getNamespace(), flow.getId(), e);
                    return false;
                }
            });
    }

    private static HttpResponse<?> answer(io.kestra.core.http.HttpResponse<?> inner) {
        MutableHttpResponse<Object> answer = HttpResponse.status(inner.getStatus().getCode(), inner.getStatus().getReason());
        if (inner.getHeaders() != null) {
            inner.getHeaders().map().forEach((name, values) -> values.forEach(value -> answer.header(name, value)));
        }
        return inner.getBody() == null ? answer : answer.body(inner.getBody());
    }
}

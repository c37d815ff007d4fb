package engine;

import io.kestra.core.exceptions.IllegalVariableEvaluationException;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithException;
import io.kestra.core.models.triggers.AbstractTrigger;
import io.kestra.core.repositories.FlowRepositoryInterface;
import io.kestra.core.runners.RunContextFactory;
import io.kestra.core.tenant.TenantService;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MediaType;
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
@Controller("${engine.api}/executions/webhook/{namespace}/{id}/{key}{/path}")
@ExecuteOn(TaskExecutors.BLOCKING)
@Webserver
class WebhookApi {
    private static final Logger LOG = LoggerFactory.getLogger(WebhookApi.class);

    @Inject Webhooks webhooks;
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
        AbstractTrigger trigger = found.stream().flatMap(flow -> matching(flow, key)).findFirst()
            .orElseThrow(() -> new NoSuchElementException("Webhook not found"));
        Flow flow = found.get();
        if (flow.isDisabled()) {
            throw new IllegalStateException("Cannot execute flow: flow is disabled.");
        }
        if (flow instanceof FlowWithException invalid) {
            throw new IllegalStateException("Cannot execute flow: flow is invalid: " + invalid.getException());
        }
        return webhooks.evaluate(flow, trigger, path, request);
    }

    private Stream<AbstractTrigger> matching(Flow flow, String key) {
        return Stream.ofNullable(flow.getTriggers()).flatMap(triggers -> triggers.stream())
            .filter(trigger -> {
                try {
                    String own = webhooks.key(trigger);
                    return own != null && runContexts.of(flow, trigger).render(own).trim().equals(key);
                } catch (IllegalVariableEvaluationException e) {
                    // As Kestra: a key that cannot be rendered belongs to nobody.
                    LOG.warn("Unable to render the webhook key of {}.{}, the webhook will be ignored",
                        flow.getNamespace(), flow.getId(), e);
                    return false;
                }
            });
    }
}

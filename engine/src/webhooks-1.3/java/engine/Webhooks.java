package engine;

import io.kestra.core.http.HttpRequest.StringRequestBody;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.triggers.AbstractTrigger;
import io.kestra.core.services.WebhookService;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpResponse;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import reactor.core.publisher.Mono;

/** Since 1.3 a webhook makes its own answer. */
@Singleton
@Webserver
class Webhooks {
    @Inject WebhookService service;

    /** The key of a webhook as the flow has it; null for other triggers. */
    String key(AbstractTrigger trigger) {
        return trigger instanceof AbstractWebhookTrigger webhook ? webhook.getKey() : null;
    }

    /** Evaluates a webhook; {@code path} is what follows the key, null when nothing does. */
    Mono<HttpResponse<?>> evaluate(Flow flow, AbstractTrigger trigger, String path, HttpRequest<String> request) throws Exception {
        AbstractWebhookTrigger webhook = (AbstractWebhookTrigger) trigger;
        io.kestra.core.http.HttpRequest inner = io.kestra.core.http.HttpRequest.of(request.getUri(),
            request.getMethodName(), request.getBody().map(StringRequestBody::of).orElse(null), request.getHeaders().asMap());
        return webhook.evaluate(new WebhookContext(inner, path, flow, webhook, service)).map(Webhooks::answer);
    }

    private static HttpResponse<?> answer(io.kestra.core.http.HttpResponse<?> inner) {
        MutableHttpResponse<Object> answer = HttpResponse.status(inner.getStatus().getCode(), inner.getStatus().getReason());
        if (inner.getHeaders() != null) {
            inner.getHeaders().map().forEach((name, values) -> values.forEach(value -> answer.header(name, value)));
        }
        return inner.getBody() == null ? answer : answer.body(inner.getBody());
    }
}

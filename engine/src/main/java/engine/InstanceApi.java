package engine;

import io.kestra.core.services.InstanceService;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.core.annotation.Introspected;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import jakarta.inject.Inject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/** What a client asks of the server itself: which version it is, and the set-up of its credentials. */
@Controller("/api/v1")
@Webserver
class InstanceApi {
    @Inject InstanceService instance;
    @Inject Credentials credentials;

    @Get(uris = {"/configs", "/{tenant}/configs"})
    Map<String, Object> configs(@Nullable String tenant) {
        Map<String, Object> configs = new HashMap<>(Map.of("uuid", instance.fetch(), "version", Kestra.VERSION, "engineAdapter", true));
        if (Credentials.MANDATORY) {
            configs.putAll(Map.of("edition", "OSS", "isBasicAuthInitialized", credentials.areSet()));
        } else {
            configs.putAll(Map.of("isBasicAuthEnabled", credentials.areSet(), "isCustomDashboardsEnabled", false,
                "isTaskRunEnabled", false, "isAnonymousUsageEnabled", false, "isTemplateEnabled", false,
                "preview", Map.of("initial", 100, "max", 5000), "systemNamespace", "system",
                "hiddenLabelsPrefixes", List.of("system.", "internal.")));
        }
        return configs;
    }

    @Get(uris = {"/basicAuthValidationErrors", "/{tenant}/basicAuthValidationErrors"})
    List<String> problems(@Nullable String tenant) {
        if (!Credentials.MANDATORY) {
            throw new NoSuchElementException();
        }
        return credentials.problems();
    }

    @Post("/{tenant}/basicAuth")
    HttpResponse<?> setUp(String tenant, @Body SetUp setUp) {
        List<String> broken = credentials.set(setUp.username(), setUp.password());
        if (!broken.isEmpty()) {
            throw new IllegalArgumentException(String.join(", ", broken));
        }
        return HttpResponse.noContent();
    }

    @Introspected
    record SetUp(@Nullable String username, @Nullable String password) {
        @Override
        public String toString() {
            return "SetUp[redacted]";
        }
    }
}

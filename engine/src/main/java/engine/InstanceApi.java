package engine;

import io.kestra.core.services.InstanceService;
import io.kestra.core.utils.VersionProvider;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.core.annotation.Introspected;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;

/** What a client asks of the server itself: which version it is, and the set-up of its credentials. */
@Controller("/api/v1")
@Webserver
class InstanceApi {
    @Inject InstanceService instance;
    @Inject VersionProvider version;
    @Inject Credentials credentials;

    @Get(uris = {"/configs", "/{tenant}/configs"})
    Map<String, Object> configs(@Nullable String tenant) {
        return Map.of("uuid", instance.fetch(), "version", version.getVersion(), "edition", "OSS",
            "engineAdapter", true, "isBasicAuthInitialized", credentials.areSet());
    }

    @Get(uris = {"/basicAuthValidationErrors", "/{tenant}/basicAuthValidationErrors"})
    List<String> problems(@Nullable String tenant) {
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

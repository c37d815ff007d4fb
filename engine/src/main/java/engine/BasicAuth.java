package engine;

import io.micronaut.context.annotation.Value;
import io.micronaut.core.annotation.Nullable;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import java.util.List;
import java.util.regex.Pattern;

/** Lets through what carries the credentials, what the configuration opens, and the set-up while none are set. */
@ServerFilter("/api/**")
@Webserver
class BasicAuth {
    private static final Pattern SETUP = Pattern.compile("/api/v1(/[^/]+)?/basicAuth(ValidationErrors)?");

    private static final Pattern VERSION = Pattern.compile("/api/v1(/[^/]+)?/configs");

    private final Credentials credentials;
    private final List<String> openUrls;

    BasicAuth(Credentials credentials,
              @Value("${kestra.server.basic-auth.open-urls:}") List<String> openUrls) {
        this.credentials = credentials;
        // An empty entry would open everything.
        this.openUrls = openUrls.stream().filter(url -> !url.isBlank()).toList();
    }

    @RequestFilter
    @Nullable HttpResponse<?> check(HttpRequest<?> request) {
        String path = request.getPath();
        boolean open = !credentials.areNeeded() || openUrls.stream().anyMatch(path::startsWith)
            || Credentials.MANDATORY && !Kestra.since(2, 0) && VERSION.matcher(path).matches()
            || !credentials.areSet() && SETUP.matcher(path).matches();
        return open || credentials.accept(request.getHeaders().get(HttpHeaders.AUTHORIZATION))
            ? null : HttpResponse.unauthorized().header(HttpHeaders.WWW_AUTHENTICATE, Credentials.MANDATORY ? "Basic" : "Basic realm=Kestra");
    }
}

package engine;

import io.micronaut.core.convert.exceptions.ConversionErrorException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.http.hateoas.JsonError;
import io.micronaut.http.hateoas.Link;
import io.micronaut.http.hateoas.Resource;
import io.micronaut.web.router.exceptions.UnsatisfiedBodyRouteException;
import io.micronaut.web.router.exceptions.UnsatisfiedRouteException;
import jakarta.validation.ConstraintViolationException;
import java.util.NoSuchElementException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Exceptions of Kestra's services and of Micronaut's router, answered with the statuses and bodies that Kestra answers. */
@Controller
class Errors {
    private static final Logger LOG = LoggerFactory.getLogger(Errors.class);

    @Error(global = true, status = HttpStatus.NOT_FOUND)
    HttpResponse<JsonError> noSuchPath(HttpRequest<?> request) {
        return answer(request, HttpStatus.NOT_FOUND, "Not Found", null);
    }

    @Error(global = true)
    HttpResponse<JsonError> failed(HttpRequest<?> request, Throwable e) {
        if (e instanceof ConstraintViolationException violation) {
            return invalid(request, violation);
        }
        // Kestra's services may wrap what is wrong with a flow.
        if (e.getCause() instanceof ConstraintViolationException violation) {
            return invalid(request, violation);
        }
        Refusal refusal = Refusals.of(e).orElseGet(() -> refusal(e));
        if (refusal.status() == HttpStatus.INTERNAL_SERVER_ERROR) {
            LOG.error("{} {} failed", request.getMethodName(), request.getPath(), e);
        }
        return answer(request, refusal.status(), refusal.reason(), e);
    }

    private static Refusal refusal(Throwable e) {
        return switch (e) {
            case NoSuchElementException missing -> new Refusal(HttpStatus.NOT_FOUND, "Not Found");
            case IllegalStateException state -> new Refusal(HttpStatus.CONFLICT, "Illegal state");
            case IllegalArgumentException argument -> new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Illegal argument");
            case UnsatisfiedBodyRouteException empty -> new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid route params");
            case UnsatisfiedRouteException lacking -> new Refusal(HttpStatus.BAD_REQUEST, "Bad Request");
            case ConversionErrorException unreadable -> new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Internal server error");
            case HttpStatusException status -> new Refusal(status.getStatus(), status.getStatus().getReason());
            default -> new Refusal(HttpStatus.INTERNAL_SERVER_ERROR, "Internal server error");
        };
    }

    private static HttpResponse<JsonError> invalid(HttpRequest<?> request, ConstraintViolationException e) {
        HttpResponse<JsonError> answer = answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity", e);
        answer.body().embedded("errors", e.getConstraintViolations().stream()
            .<Resource>map(violation -> new JsonError(violation.getMessage()).path(violation.getPropertyPath().toString())).toList());
        return answer;
    }

    private static HttpResponse<JsonError> answer(HttpRequest<?> request, HttpStatus status, String reason, Throwable e) {
        String message = e == null || e.getMessage() == null ? reason : reason + ": " + e.getMessage();
        return HttpResponse.<JsonError>status(status, reason)
            .body(new JsonError(message).link(Link.SELF, Link.of(request.getUri())));
    }
}

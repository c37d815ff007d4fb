package engine;

import io.kestra.core.exceptions.ConflictException;
import io.kestra.core.exceptions.KestraException;
import io.kestra.core.exceptions.KestraRuntimeException;
import io.kestra.core.exceptions.NotFoundException;
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
        return switch (e) {
            case ConstraintViolationException violation -> invalid(request, violation);
            case KestraException wrapper when wrapper.getCause() instanceof ConstraintViolationException violation ->
                invalid(request, violation);
            case NoSuchElementException missing -> answer(request, HttpStatus.NOT_FOUND, "Not Found", e);
            case NotFoundException missing -> answer(request, HttpStatus.NOT_FOUND, "Not Found", e);
            case ConflictException conflict -> answer(request, HttpStatus.CONFLICT, "Conflict", e);
            case IllegalStateException state -> answer(request, HttpStatus.CONFLICT, "Illegal state", e);
            case IllegalArgumentException argument -> answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Illegal argument", e);
            case KestraException rejected -> answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity", e);
            case KestraRuntimeException rejected -> answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity", e);
            case UnsatisfiedBodyRouteException empty -> answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid route params", e);
            case UnsatisfiedRouteException lacking -> answer(request, HttpStatus.BAD_REQUEST, "Bad Request", e);
            case ConversionErrorException unreadable -> answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Internal server error", e);
            case HttpStatusException status -> answer(request, status.getStatus(), status.getStatus().getReason(), e);
            default -> {
                LOG.error("{} {} failed", request.getMethodName(), request.getPath(), e);
                yield answer(request, HttpStatus.INTERNAL_SERVER_ERROR, "Internal server error", e);
            }
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

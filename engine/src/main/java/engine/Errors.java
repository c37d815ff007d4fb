package engine;

import io.kestra.core.exceptions.KestraException;
import io.kestra.core.exceptions.KestraRuntimeException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Error;
import io.micronaut.http.hateoas.JsonError;
import io.micronaut.http.hateoas.Link;
import jakarta.validation.ConstraintViolationException;
import java.util.NoSuchElementException;

/** Exceptions of Kestra's services, answered with the status codes Kestra answers. */
@Controller
class Errors {
    @Error(global = true)
    HttpResponse<JsonError> notFound(HttpRequest<?> request, NoSuchElementException e) {
        return answer(request, HttpStatus.NOT_FOUND, "Not Found", e);
    }

    @Error(global = true)
    HttpResponse<JsonError> invalid(HttpRequest<?> request, ConstraintViolationException e) {
        return answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity", e);
    }

    @Error(global = true)
    HttpResponse<JsonError> rejected(HttpRequest<?> request, KestraException e) {
        return answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity",
            e.getCause() instanceof ConstraintViolationException violation ? violation : e);
    }

    @Error(global = true)
    HttpResponse<JsonError> rejected(HttpRequest<?> request, KestraRuntimeException e) {
        return answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity", e);
    }

    @Error(global = true)
    HttpResponse<JsonError> illegal(HttpRequest<?> request, IllegalArgumentException e) {
        return answer(request, HttpStatus.UNPROCESSABLE_ENTITY, "Illegal argument", e);
    }

    @Error(global = true)
    HttpResponse<JsonError> conflict(HttpRequest<?> request, IllegalStateException e) {
        return answer(request, HttpStatus.CONFLICT, "Illegal state", e);
    }

    private static HttpResponse<JsonError> answer(HttpRequest<?> request, HttpStatus status, String reason, Exception e) {
        String message = e.getMessage() == null ? reason : reason + ": " + e.getMessage();
        return HttpResponse.<JsonError>status(status)
            .body(new JsonError(message).link(Link.SELF, Link.of(request.getUri())));
    }
}

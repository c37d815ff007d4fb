package engine;

import io.kestra.core.exceptions.ConflictException;
import io.kestra.core.exceptions.KestraException;
import io.kestra.core.exceptions.KestraRuntimeException;
import io.kestra.core.exceptions.NotFoundException;
import io.micronaut.http.HttpStatus;
import java.util.Optional;

/** Since 0.24 Kestra's exceptions say what is wrong with what somebody asks. */
final class Refusals {
    private Refusals() {
    }

    /** How Kestra answers one of its own exceptions; empty for others. */
    static Optional<Refusal> of(Throwable e) {
        return Optional.ofNullable(switch (e) {
            case NotFoundException missing -> new Refusal(HttpStatus.NOT_FOUND, "Not Found");
            case ConflictException conflict -> new Refusal(HttpStatus.CONFLICT, "Conflict");
            case KestraException rejected -> new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity");
            case KestraRuntimeException rejected -> new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid entity");
            default -> null;
        });
    }
}

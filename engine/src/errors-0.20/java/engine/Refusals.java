package engine;

import io.kestra.core.exceptions.InvalidException;
import io.micronaut.http.HttpStatus;
import java.util.Optional;

/** Before 0.24 there is one exception of Kestra's own by which it refuses what somebody asks. */
final class Refusals {
    private Refusals() {
    }

    /** How Kestra answers one of its own exceptions; empty for those that are nobody's fault but its own. */
    static Optional<Refusal> of(Throwable e) {
        if (!(e instanceof InvalidException invalid)) {
            return Optional.empty();
        }
        String what = invalid.invalidObject() == null ? "entity" : invalid.invalidObject().getClass().getSimpleName();
        return Optional.of(new Refusal(HttpStatus.UNPROCESSABLE_ENTITY, "Invalid " + what));
    }
}

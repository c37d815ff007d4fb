package engine;

import io.micronaut.context.annotation.Requires;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

/** A bean of those roles that serve REST; the others have neither its repositories nor its answers. */
@Requires(property = "kestra.server-type", pattern = "(STANDALONE|WEBSERVER)")
@Retention(RetentionPolicy.RUNTIME)
@interface Webserver {
}

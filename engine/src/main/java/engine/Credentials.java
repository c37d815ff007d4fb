package engine;

import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Value;
import io.micronaut.core.annotation.Nullable;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one user of an open-source Kestra server. The credentials come from {@code kestra.server.basic-auth} or are
 * posted, and live in memory only, as a keyed hash.
 *
 * <p>Since 0.24 they are mandatory ({@code basic-auth.enabled} no longer means anything), and what breaks the rules is
 * refused while the server goes on. Before, a server without them is open to all, and one that is told to use some that
 * break the rules does not start.
 */
@Context
@Webserver
class Credentials {
    private static final Logger LOG = LoggerFactory.getLogger(Credentials.class);
    private static final Pattern EMAIL = Pattern.compile("[\\w!#$%&'*+/=?`{|}~^.-]+@[A-Za-z0-9.-]+");
    private static final Pattern STRONG = Pattern.compile("(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{8,}");
    private static final int LONGEST = 256;

    /** Whether a server asks for credentials even when none are configured. */
    static final boolean MANDATORY = Kestra.since(0, 24);

    private final SecretKeySpec key;
    private final List<String> problems;
    private volatile byte[] expected;

    Credentials(@Nullable @Value("${kestra.server.basic-auth.enabled:}") String enabled,
                @Nullable @Value("${kestra.server.basic-auth.username:}") String username,
                @Nullable @Value("${kestra.server.basic-auth.password:}") String password) {
        byte[] salt = new byte[32];
        new SecureRandom().nextBytes(salt);
        key = new SecretKeySpec(salt, "HmacSHA256");
        boolean configured = MANDATORY ? !blank(username) || !blank(password) : Boolean.parseBoolean(enabled);
        problems = configured ? set(username, password) : List.of();
        if (!MANDATORY) {
            if (!problems.isEmpty()) {
                throw new IllegalArgumentException(String.join(", ", problems));
            }
            return;
        }
        for (String problem : problems) {
            LOG.error("kestra.server.basic-auth is ignored, every request under /api/ will be answered 401: {}", problem);
        }
        if (!configured) {
            LOG.warn("kestra.server.basic-auth is not set: every request under /api/ will be answered 401 "
                + "until credentials are posted to /api/v1/main/basicAuth");
        }
    }

    /** Takes new credentials if they keep Kestra's rules; otherwise changes nothing and returns which they break. */
    final synchronized List<String> set(@Nullable String username, @Nullable String password) {
        List<String> broken = new ArrayList<>();
        if (username == null) {
            broken.add("No user name set for Basic Authentication. Please provide a user name.");
        } else if (!EMAIL.matcher(username).matches()) {
            broken.add("Invalid username for Basic Authentication. Please provide a valid email address.");
        }
        if (password == null) {
            broken.add("No password set for Basic Authentication. Please provide a password.");
        } else if (MANDATORY && !STRONG.matcher(password).matches()) {
            broken.add("Invalid password for Basic Authentication. The password must have 8 chars, one upper, one lower and one number");
        }
        if (tooLong(username) || tooLong(password)) {
            broken.add("The length of email or password should not exceed 256 characters.");
        }
        if (broken.isEmpty()) {
            expected = hash(username + ":" + password);
        }
        return broken;
    }

    /** Whether a request has to carry credentials. */
    boolean areNeeded() {
        return MANDATORY || areSet();
    }

    boolean areSet() {
        return expected != null;
    }

    /** What the configured credentials break; empty when they were accepted or never given. */
    List<String> problems() {
        return problems;
    }

    /** Whether an {@code Authorization} header carries the credentials; compared in constant time. */
    boolean accept(@Nullable String authorization) {
        byte[] wanted = expected;
        if (wanted == null || authorization == null || !authorization.regionMatches(true, 0, "Basic ", 0, 6)) {
            return false;
        }
        try {
            byte[] given = Base64.getDecoder().decode(authorization.substring(6).trim());
            return MessageDigest.isEqual(wanted, hash(new String(given, StandardCharsets.UTF_8)));
        } catch (IllegalArgumentException notBase64) {
            return false;
        }
    }

    private byte[] hash(String text) {
        try {
            Mac mac = Mac.getInstance(key.getAlgorithm());
            mac.init(key);
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException("every Java has HmacSHA256", e);
        }
    }

    private static boolean blank(@Nullable String text) {
        return text == null || text.isBlank();
    }

    private static boolean tooLong(@Nullable String text) {
        return text != null && text.length() > LONGEST;
    }
}

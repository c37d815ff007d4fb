import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * What Java makes of a value, for the Rust model to be compared with. Kestra's own three calls, behind
 * lines: a value in hexadecimal is answered by "+" and the text in hexadecimal, or "-" and the exception's
 * message; "environment" is answered by what comes of this process's own environment: "=KEY TEXT" and
 * "!MESSAGE" lines, then "."; "capitals" by every character that toUpperCase() changes: "CHARACTER CAPITALS"
 * lines in hexadecimal, then "."; "known CODE" by whether this Java's Unicode has the character.
 */
class Oracle {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        var out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            if (line.equals("environment")) {
                environment(out);
            } else if (line.equals("capitals")) {
                capitals(out);
            } else if (line.startsWith("known ")) {
                out.write(Character.isDefined(Integer.parseInt(line.substring("known ".length()))) + "\n");
            } else {
                // What java.lang.ProcessEnvironment does with a variable's bytes under a UTF-8 locale.
                out.write(answer(new String(HEX.parseHex(line), StandardCharsets.UTF_8)));
                out.write('\n');
            }
            if (!in.ready()) {
                out.flush();
            }
        }
        out.flush();
    }

    private static String answer(String value) {
        try {
            return "+" + hex(decode(value));
        } catch (Exception e) {
            return "-" + e.getMessage();
        }
    }

    private static String decode(String value) {
        return new String(Base64.getDecoder().decode(value.replaceAll("\\R", "")));
    }

    /** As Kestra collects its secrets: the first of several under one key stays, the others are errors. */
    private static void environment(Writer out) throws IOException {
        Map<String, String> secrets = new HashMap<>();
        for (Map.Entry<String, String> entry : System.getenv().entrySet()) {
            if (!entry.getKey().startsWith("SECRET_")) {
                continue;
            }
            String reason;
            try {
                String text = decode(entry.getValue());
                String key = entry.getKey().substring("SECRET_".length()).toUpperCase();
                if (secrets.putIfAbsent(key, text) == null) {
                    continue;
                }
                reason = "Duplicate key " + key + " (attempted merging values ";
            } catch (Exception e) {
                reason = e.getMessage();
            }
            out.write("!Could not decode secret '" + entry.getKey()
                + "', make sure it is Base64-encoded: " + reason + "\n");
        }
        for (Map.Entry<String, String> secret : secrets.entrySet()) {
            out.write("=" + hex(secret.getKey()) + " " + hex(secret.getValue()) + "\n");
        }
        out.write(".\n");
    }

    private static void capitals(Writer out) throws IOException {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                continue;
            }
            String text = Character.toString(c);
            String capitals = text.toUpperCase();
            if (!capitals.equals(text)) {
                out.write(hex(text) + " " + hex(capitals) + "\n");
            }
        }
        out.write(".\n");
    }

    private static String hex(String text) {
        return HEX.formatHex(text.getBytes(StandardCharsets.UTF_8));
    }
}

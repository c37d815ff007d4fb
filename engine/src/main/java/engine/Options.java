package engine;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The command line of {@code kestra server ROLE}, as far as charts and people use it. */
record Options(Role role, Set<Part> without, Path config, Integer port, int workerThreads, List<String> ignored) {
    /** As many as one short flow at a time needs; charts pass their own number. */
    private static final int DEFAULT_WORKER_THREADS = 4;

    /** @throws IllegalArgumentException saying which argument is wrong and what is expected */
    static Options parse(String[] args) {
        Deque<String> rest = new ArrayDeque<>(List.of(args));
        Role role = "server".equals(rest.poll()) ? role(rest.poll()) : null;
        if (role == null) {
            throw new IllegalArgumentException("usage: engine.Engine server ROLE [-c FILE] [--port N] [--worker-thread N]"
                + " [--no-indexer] [--no-controller]; the roles: "
                + roles().map(Options::name).sorted().collect(Collectors.joining(", ")));
        }
        Set<Part> without = EnumSet.noneOf(Part.class);
        Path config = null;
        Integer port = null;
        int workerThreads = DEFAULT_WORKER_THREADS;
        List<String> ignored = new ArrayList<>();
        while (!rest.isEmpty()) {
            String argument = rest.poll();
            int equals = argument.indexOf('=');
            String name = equals < 0 ? argument : argument.substring(0, equals);
            switch (name) {
                case "-c", "--config" -> config = file(name, value(argument, equals, rest));
                case "--port" -> port = number(name, value(argument, equals, rest), 0);
                case "--no-indexer", "--no-controller" -> without.add(Part.valueOf(name.substring("--no-".length()).toUpperCase(Locale.ROOT)));
                case "--worker-thread", "-t", "--thread" -> workerThreads = number(name, value(argument, equals, rest), 1);
                default -> ignored.add(argument);
            }
        }
        return new Options(role, without, config, port, workerThreads, ignored);
    }

    private static Stream<Role> roles() {
        return Stream.of(Role.values()).filter(role -> !role.parts().isEmpty());
    }

    private static String name(Role role) {
        return role.name().toLowerCase(Locale.ROOT);
    }

    private static Role role(String name) {
        return roles().filter(role -> name(role).equals(name)).findFirst().orElse(null);
    }

    private static String value(String argument, int equals, Deque<String> rest) {
        if (equals >= 0) {
            return argument.substring(equals + 1);
        }
        if (rest.isEmpty()) {
            throw new IllegalArgumentException("option " + argument + " wants a value");
        }
        return rest.poll();
    }

    private static Path file(String name, String value) {
        Path path = Path.of(value);
        if (!Files.isReadable(path)) {
            throw new IllegalArgumentException("option " + name + ": cannot read the file " + path);
        }
        return path;
    }

    private static int number(String name, String value, int least) {
        try {
            int number = Integer.parseInt(value);
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException notANumber) {
            // said below
        }
        throw new IllegalArgumentException("option " + name + " wants a number from " + least + ", not '" + value + "'");
    }
}

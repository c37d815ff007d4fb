package engine;

import io.micronaut.context.ApplicationContext;
import io.micronaut.context.ApplicationContextBuilder;
import io.micronaut.context.env.Environment;
import io.micronaut.context.env.EnvironmentPropertySource;
import io.micronaut.context.env.PropertySource;
import io.micronaut.context.env.SystemPropertiesPropertySource;
import io.micronaut.context.env.yaml.YamlPropertySourceLoader;
import io.micronaut.runtime.server.EmbeddedServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Kestra's servers, the standalone one and those of one role each, without Kestra's cli and webserver, which are not published as libraries.
 *
 * <p>Configuration, the weaker first: our application.yml, MICRONAUT_CONFIG_FILES, the environment, {@code -c},
 * system properties, {@code --port}. As in Kestra {@code -c} beats the environment; unlike in Kestra system
 * properties beat it, because whoever starts the engine gives it ports and storage by them.
 */
public final class Engine {
    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);
    private static final Duration LONGEST_START = Duration.ofMinutes(5);
    /** Kestra would drain its queues for longer; nobody will read them again. */
    private static final Duration LONGEST_STOP = Duration.ofSeconds(1);
    /** What a process ended by SIGTERM exits with. */
    private static final int TERMINATED = 143;

    private Engine() {
    }

    public static void main(String[] args) {
        long begun = System.nanoTime();
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
        try {
            Options options = Options.parse(args);
            options.ignored().forEach(argument -> LOG.info("ignored argument {}: it has no meaning here", argument));
            run(options);
            LOG.info("engine ready in {} ms", (System.nanoTime() - begun) / 1_000_000);
            Thread.currentThread().join();
        } catch (Throwable cause) {
            fail(cause);
        }
    }

    private static void run(Options options) throws Exception {
        ApplicationContext context = context(options);
        // Reads the configuration and makes no bean yet: a taken port is known at once, not after the database is up.
        Environment environment = context.getEnvironment().start();
        for (String property : List.of("micronaut.server.port", "endpoints.all.port")) {
            claim(property, environment.getRequiredProperty(property, Integer.class));
        }
        try (Migration migration = Migration.awaitTurn(environment, options.role())) {
            context.start();
            migration.done();
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(context), "engine-stop"));
        context.getBean(EmbeddedServer.class).start();
        Services services = context.getBean(Services.class);
        services.start(options);
        services.awaitRunning(LONGEST_START);
    }

    /** Prints what kept the server from running and ends the process at once, whatever threads already run. */
    static void fail(Throwable cause) {
        Throwable root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        LOG.error("engine failed to start: {}", root.getMessage() == null ? root : root.getMessage(), cause);
        Runtime.getRuntime().halt(1);
    }

    private static void claim(String property, int port) throws IOException {
        // As the HTTP server itself binds: to all addresses, and not put off by connections that linger.
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(port));
        } catch (BindException e) {
            throw new IOException("port " + port + " (" + property + ") cannot be had: " + e.getMessage());
        }
    }

    private static ApplicationContext context(Options options) throws IOException {
        // Micronaut makes 2^n properties of a variable with n underscores: thousands of secrets would cost seconds and
        // hundreds of megabytes. Kestra reads secrets from the environment itself, and ${SECRET_X} still resolves.
        String[] secrets = System.getenv().keySet().stream().filter(name -> name.startsWith("SECRET_")).toArray(String[]::new);
        ApplicationContextBuilder builder = ApplicationContext.builder(Engine.class).banner(false)
            .environmentVariableExcludes(secrets);
        if (options.config() != null) {
            int position = (EnvironmentPropertySource.POSITION + SystemPropertiesPropertySource.POSITION) / 2;
            builder.propertySources(PropertySource.of("cli", yaml(options.config()), position));
        }
        return builder.properties(settings(options)).build();
    }

    private static Map<String, Object> yaml(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new YamlPropertySourceLoader().read("cli", in);
        }
    }

    /** Our own settings in Kestra's terms; as builder properties they beat all else. */
    private static Map<String, Object> settings(Options options) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("engine.api", Kestra.API);
        settings.put("kestra.server-type", options.role().name());
        if (options.port() != null) {
            settings.put("micronaut.server.port", options.port());
        }
        String storage = System.getProperty("engine.storage");
        if (storage != null) {
            settings.put("kestra.storage.local.base-path", storage);
        }
        String grpc = System.getProperty("engine.grpc.port");
        if (grpc != null) {
            settings.put("kestra.controller.port", grpc);
            settings.put("kestra.worker.controllers.static.endpoints", List.of(Map.of("host", "localhost", "port", grpc)));
        }
        return settings;
    }

    /** Runs as a shutdown hook: closes the server, but not for longer than anyone would wait for it. */
    private static void stop(ApplicationContext context) {
        Thread close = new Thread(context::close, "engine-close");
        close.setDaemon(true);
        close.start();
        try {
            close.join(LONGEST_STOP);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(TERMINATED);
    }
}

package engine;

import io.micronaut.context.env.Environment;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * The first of several servers migrates the H2 database they share, the others wait for it. Kestra relies on a
 * database's own locks for that, and H2 has none that would do: servers that migrate together end in errors.
 */
final class Migration implements AutoCloseable {
    private static final String DUPLICATE_KEY = "23505";
    /** Longer than a migration takes on a machine that starts all servers at once. */
    private static final int LONGEST_MILLIS = 240_000;

    private final Connection connection;

    private Migration(Connection connection) {
        this.connection = connection;
    }

    /** Returns when it is this server's turn to migrate, or another's migration is done; at once where none share. */
    static Migration awaitTurn(Environment configuration, Role role) throws SQLException {
        String url = configuration.getProperty("datasources.h2.url", String.class, "");
        if (!role.migrates() || !url.startsWith("jdbc:h2:tcp:")) {
            return new Migration(null);
        }
        Connection connection = DriverManager.getConnection(url, configuration.getProperty("datasources.h2.username", String.class, "sa"),
            configuration.getProperty("datasources.h2.password", String.class, ""));
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET LOCK_TIMEOUT " + LONGEST_MILLIS);
            table(statement);
            connection.setAutoCommit(false);
            // Whoever inserts the key second waits for the first: to be refused once that has committed, or to take
            // its place when it ended without.
            statement.execute("INSERT INTO engine.migrated VALUES (1)");
            return new Migration(connection);
        } catch (SQLException e) {
            connection.close();
            if (DUPLICATE_KEY.equals(e.getSQLState())) {
                return new Migration(null);
            }
            throw e;
        }
    }

    /** In a schema of its own: Kestra's is to be found empty. */
    private static void table(Statement statement) throws SQLException {
        String[] definitions = {"CREATE SCHEMA IF NOT EXISTS engine", "CREATE TABLE IF NOT EXISTS engine.migrated (id INT PRIMARY KEY)"};
        for (String definition : definitions) {
            try {
                statement.execute(definition);
            } catch (SQLException together) {
                // Another made it between H2's look and its deed; now it is there.
                statement.execute(definition);
            }
        }
    }

    /** The database is migrated: the others may go on. */
    void done() throws SQLException {
        if (connection != null) {
            connection.commit();
        }
    }

    @Override
    public void close() throws SQLException {
        if (connection != null) {
            connection.close();
        }
    }
}

package engine;

/** The version of Kestra that was built in. */
final class Kestra {
    /** As Maven wrote it into the jar. */
    static final String VERSION = Kestra.class.getPackage().getImplementationVersion();

    /** What the paths of flows, executions and logs begin with: the open-source server got its one tenant with 0.23. */
    static final String API = since(0, 23) ? "/api/v1/{tenant}" : "/api/v1";

    private Kestra() {
    }

    /** Whether it is of this minor or of a newer one. */
    static boolean since(int major, int minor) {
        String[] parts = VERSION.split("\\.");
        int thisMajor = Integer.parseInt(parts[0]);
        return thisMajor > major || thisMajor == major && Integer.parseInt(parts[1]) >= minor;
    }
}

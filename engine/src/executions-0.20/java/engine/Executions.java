package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.queues.QueueFactoryInterface;
import io.kestra.core.queues.QueueInterface;
import io.kestra.core.repositories.LogRepositoryInterface;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import org.slf4j.event.Level;

/** Before 2.0 executions go straight into the executor's queue, and are answered whole. */
@Singleton
@Webserver
class Executions {
    @Inject LogRepositoryInterface logs;
    @Inject @Named(QueueFactoryInterface.EXECUTION_NAMED) QueueInterface<Execution> queue;

    /** Hands a new execution to the executor without waiting for it. */
    void submit(Execution execution) throws Exception {
        queue.emit(execution);
    }

    /** What is answered to whoever asks for one execution. */
    Execution shown(Execution execution) {
        return execution;
    }

    /** What a search answers of an execution. */
    Execution listed(Execution execution) {
        return execution;
    }

    List<LogEntry> logs(String tenant, String execution, Level minLevel) {
        return logs.findByExecutionId(tenant, execution, minLevel);
    }
}

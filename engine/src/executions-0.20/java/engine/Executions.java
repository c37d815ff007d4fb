package engine;

import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.queues.QueueFactoryInterface;
import io.kestra.core.queues.QueueInterface;
import io.kestra.core.repositories.LogRepositoryInterface;
import jakarta.inject.Inject;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.event.Level;

/** Before 2.0 executions go straight into the executor's queue, and are answered whole. */
@Singleton
@Webserver
class Executions {
    @Inject Flows flows;
    @Inject LogRepositoryInterface logs;
    @Inject @Named(QueueFactoryInterface.EXECUTION_NAMED) QueueInterface<Execution> queue;

    /** Hands a new execution to the executor without waiting for it. */
    void submit(Execution execution) throws Exception {
        queue.emit(execution);
    }

    /** Runs a new execution to its end. */
    Execution run(Execution execution, Flow flow, Duration longest) throws Exception {
        CompletableFuture<Execution> ended = new CompletableFuture<>();
        Runnable stop = queue.receive(message -> {
            if (message.isLeft() && message.getLeft().getId().equals(execution.getId()) && flows.ended(flow, message.getLeft())) {
                ended.complete(message.getLeft());
            }
        });
        try {
            queue.emit(execution);
            return ended.get(longest.toMillis(), TimeUnit.MILLISECONDS);
        } finally {
            stop.run();
        }
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

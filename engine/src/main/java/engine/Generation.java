package engine;

import io.kestra.core.http.HttpRequest;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.core.server.ServiceType;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import java.util.List;
import java.util.Set;
import org.slf4j.event.Level;

/** Where the inner API of one Kestra generation differs from the others'. Exactly one implementation is compiled in. */
interface Generation {
    /** Starts executor, worker and the rest of a standalone server; returns before they are all running. */
    void start(int workerThreads) throws Exception;

    /** The services without which an execution would not run to its end. */
    Set<ServiceType> needed();

    FlowWithSource create(GenericFlow flow) throws Exception;

    FlowWithSource update(GenericFlow flow, FlowWithSource previous) throws Exception;

    /** Hands a new execution to the executor without waiting for it. */
    void submit(Execution execution) throws Exception;

    /** What a webhook trigger is evaluated with; {@code path} is what follows the key, null when nothing does. */
    WebhookContext webhook(HttpRequest request, String path, Flow flow, AbstractWebhookTrigger trigger);

    List<LogEntry> logs(String tenant, String execution, Level minLevel);
}

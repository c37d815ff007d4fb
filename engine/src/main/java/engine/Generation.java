package engine;

import io.kestra.core.http.HttpRequest;
import io.kestra.core.models.executions.Execution;
import io.kestra.core.models.executions.LogEntry;
import io.kestra.core.models.flows.Flow;
import io.kestra.core.models.flows.FlowWithSource;
import io.kestra.core.models.flows.GenericFlow;
import io.kestra.plugin.core.trigger.AbstractWebhookTrigger;
import io.kestra.plugin.core.trigger.WebhookContext;
import java.util.List;
import org.slf4j.event.Level;

/** Where the inner API of one Kestra generation differs from the others', for the paths of REST. One is compiled in. */
interface Generation {
    FlowWithSource create(GenericFlow flow) throws Exception;

    FlowWithSource update(GenericFlow flow, FlowWithSource previous) throws Exception;

    /** Hands a new execution to the executor without waiting for it. */
    void submit(Execution execution) throws Exception;

    /** What a webhook trigger is evaluated with; {@code path} is what follows the key, null when nothing does. */
    WebhookContext webhook(HttpRequest request, String path, Flow flow, AbstractWebhookTrigger trigger);

    /** What is answered to whoever asks for one execution. */
    Object shown(Execution execution);

    /** What a search answers of an execution. */
    Object listed(Execution execution);

    List<LogEntry> logs(String tenant, String execution, Level minLevel);

    /** Whether anybody may ask for the version, without credentials. */
    boolean tellsItsVersionToAll();
}

// A sample event for one endpoint, sent at once; what came of it is shown right here.
import { html, useCallback, useState } from "../lib/ui.js";
import { get, post } from "../lib/api.js";
import { useLoad } from "../lib/load.js";
import { Link } from "../lib/router.js";
import { Badge } from "./basics.js";
import { Field, FormDialog } from "./dialog.js";

export function SendTest({ endpoint, onClose }) {
  const [sent, setSent] = useState(null);
  const read = useCallback(() => (sent ? get(`/v1/deliveries/${sent.id}`) : null), [sent]);
  const { data } = useLoad(read, [sent], (known) => (sent && !(known?.id === sent.id && known.finished_at) ? 700 : 0));
  const test = data?.id === sent?.id ? data : sent; // until the next test is read, the one before is still there
  async function send(form) {
    const type = form.get("event_type").trim();
    setSent(await post(`/v1/endpoints/${endpoint.id}/test`, type ? { event_type: type } : {}));
  }
  return html`<${FormDialog} title="Send a test" submit=${sent ? "Send another" : "Send"} onSubmit=${send} onClose=${onClose}>
    <${Field} label="Event type" hint="Its example from the catalogue is sent; none means a general sample."><input name="event_type" placeholder="order.paid" spellcheck=${false} /></${Field}>
    ${sent && html`<p class="prose" role="status">Sent. <${Badge} word=${test.status} /> ${test.last_response_code ? `The receiver answered ${test.last_response_code}.` : ""}
      ${" "}<${Link} to=${`deliveries/${sent.id}`}>See the delivery</${Link}></p>`}
  </${FormDialog}>`;
}

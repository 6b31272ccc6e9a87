"use strict";
// Keeps the open ward board current. The server answers 304 while nothing has changed, and then
// nothing is redrawn but the time, which comes with every answer.
{
  const PERIOD = 2000;
  const PATIENCE = 8000;
  const board = document.getElementById("board");
  const connection = document.getElementById("board-connection");
  let etag = `"${board.dataset.etag}"`;
  let current = new Date();

  const redraw = (html) => {
    const focused = board.contains(document.activeElement) ? document.activeElement.id : null;
    board.innerHTML = html;
    if (focused) (document.getElementById(focused) ?? board).focus({ preventScroll: true });
  };

  const currency = document.getElementById("currency");
  const warning = document.getElementById("currency-warning");

  const showCurrency = (said) => {
    if (said.as_of) {
      const time = document.createElement("time");
      time.dateTime = said.as_of;
      time.textContent = said.time;
      currency.replaceChildren("Current as of ", time);
    } else {
      currency.textContent = "Not known to be current";
    }
    const text = said.warning ?? "";
    if (warning.textContent !== text) warning.textContent = text;
    warning.hidden = !text;
  };

  const refresh = async () => {
    const response = await fetch(board.dataset.source, {
      cache: "no-store",
      headers: { "If-None-Match": etag },
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.ok) {
      redraw(await response.text());
      etag = response.headers.get("ETag");
    } else if (response.status !== 304) {
      throw new Error(`The board answered ${response.status}`);
    }
    showCurrency(JSON.parse(response.headers.get("X-Currency")));
    current = new Date();
    connection.hidden = true;
  };

  const showOutage = () => {
    const text = `The board cannot be updated at present. It shows the state of ${current.toLocaleTimeString()}.`;
    if (connection.textContent !== text) connection.textContent = text;
    connection.hidden = false;
  };

  const keepCurrent = async () => {
    if (!document.hidden) await refresh().catch(showOutage);
    setTimeout(keepCurrent, PERIOD);
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh().catch(showOutage);
  });
  setTimeout(keepCurrent, PERIOD);
}

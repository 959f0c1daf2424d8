// A part of the page that page.ts writes, behind the model. COSTS, MEASURED and needsOf are defined there.
const form = document.querySelector('form');
const body = document.querySelector('tbody');

function show() {
  const launch = Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, Number(value)]),
  );
  const isRight = Object.values(launch).every((value) => value > 0);
  body.replaceChildren();
  if (!isRight) return;
  for (const need of needsOf(launch, MEASURED)) {
    const row = body.insertRow();
    row.insertCell().textContent = need.part;
    row.insertCell().textContent = need.need;
    const amount = row.insertCell();
    amount.className = 'amount';
    amount.textContent = `${shownAmount(need.amount)} ${need.unit}`;
    const because = row.insertCell();
    because.textContent = need.because;
    for (const name of need.from) {
      const cost = document.createElement('small');
      cost.textContent = `${COSTS[name]}: ${MEASURED[name]}`;
      because.append(document.createElement('br'), cost);
    }
  }
}

form.addEventListener('input', show);
show();

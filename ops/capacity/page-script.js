// A part of the page that page.ts writes, behind the model. COSTS, MEASURED and needsOf are defined there.
const form = document.querySelector('form');
const body = document.querySelector('tbody');
const note = document.querySelector('[role=status]');

function show() {
  const fields = [...form.elements];
  const wrong = fields.filter(({ value }) => !(Number(value) > 0));
  const labels = wrong.map(({ labels: [label] }) => label.textContent);
  note.textContent = wrong.length === 0 ? '' : `${labels.join(', ')}: a number above 0 is needed.`;
  for (const field of fields) field.ariaInvalid = String(wrong.includes(field));
  body.replaceChildren();
  if (wrong.length > 0) return;
  const launch = Object.fromEntries(fields.map(({ name, value }) => [name, Number(value)]));
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

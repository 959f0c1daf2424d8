// A part of the page that page.ts writes, behind the model. COSTS, MEASURED, PRICES, needsOf and moneyOf are defined there.
const form = document.querySelector('form');
const body = document.querySelector('tbody');
const note = document.querySelector('[role=status]');
const money = document.querySelector('#money');

function show() {
  const fields = [...form.elements];
  const { visitors, waiting } = form.elements;
  const labelOf = ({ labels: [label] }) => label.textContent;
  const wrong = fields.filter(({ value }) => !(Number(value) > 0));
  note.textContent =
    wrong.length === 0 ? '' : `${wrong.map(labelOf).join(', ')}: a number above 0 is needed.`;
  if (wrong.length === 0 && Number(waiting.value) > Number(visitors.value)) {
    wrong.push(waiting);
    note.textContent = `${labelOf(waiting)}: at most ${visitors.value}, all who have the page open.`;
  }
  for (const field of fields) field.ariaInvalid = String(wrong.includes(field));
  body.replaceChildren();
  money.textContent = '';
  if (wrong.length > 0) return;
  const launch = Object.fromEntries(fields.map(({ name, value }) => [name, Number(value)]));
  if (PRICES !== null) {
    const amount = moneyOf(launch, MEASURED, PRICES).toFixed(2);
    money.textContent = `${amount} ${PRICES.currency} for ${PRICES.hours} h, without the edge`;
  }
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

// @ts-check
/** One sale in a form: another editor of the sale file, checked, planned and applied as the file is. */

import { CallFailed, call } from './api.js';
import { carryOut } from './changes.js';
import { confirmed } from './controls.js';
import { find, setAttribute, setShown, setText, showTexts } from './dom.js';
import { moment } from './format.js';
import { openPage, tellNetwork } from './frame.js';
import { lastQuestion } from './latest.js';
import { fileOf, formOf, newSale } from './sale/document.js';
import { dropDraft, findDraft, keepDraft } from './sale/drafts.js';
import { drawForm } from './sale/form.js';
import { hidePlan, showPlan } from './sale/plan.js';
import { preparePreview, showPreview } from './sale/preview.js';
import { clearProblems, showProblems } from './sale/problems.js';

/** The draft is kept this long after the last key. */
const KEEP_AFTER_MS = 300;

/** @type {string} empty: a new sale */
let name = '';
/** @type {import('./sale/document.js').SaleForm} */
let form = newSale(Date.now());
/** The version of the sale that the form began with. */
let version = '';
/** @type {import('./sale/form.js').Switches} */
let switches = {};
/** Whether the form holds something that the shop does not have. */
let isChanged = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let keeping;
/** The plan that is shown. @type {{ text: string, mark: string, countFrom: string } | null} */
let agreed = null;

/** A plan, a preview and a file that is read show the same places: problems, and the form itself. */
const asked = lastQuestion();
const session = await openPage();
const mayEdit = session.roles.includes('merchant');

const fileText = () => JSON.stringify(fileOf(form));

function keepNow() {
  clearTimeout(keeping);
  if (!isChanged) return;
  const isKept = keepDraft(session.login, name, { form, version });
  if (!isKept) tellNetwork('This browser cannot keep your changes: download them as a file.');
}

function changed() {
  isChanged = true;
  agreed = null;
  hidePlan();
  setText(find('#form-note'), '');
  clearTimeout(keeping);
  keeping = setTimeout(keepNow, KEEP_AFTER_MS);
}

function draw() {
  drawForm(form, { isNew: version === '', switches, onChange: changed });
  clearProblems();
}

/**
 * A call that tells on the page why it failed.
 * @param {string} method @param {string} path @param {unknown} [body]
 */
async function ask(method, path, body) {
  try {
    const answer = await call(method, path, body);
    tellNetwork('');
    return answer;
  } catch (error) {
    keepNow();
    const isOut = error instanceof CallFailed && error.status === 401;
    const text = error instanceof Error ? error.message : String(error);
    const kept = isChanged ? ' What you typed is kept in this browser.' : '';
    tellNetwork(
      isOut ? `Your session has ended.${kept} Load this page again to sign in.` : `${text}${kept}`,
    );
    return null;
  }
}

/** Shows the sale as the shop has it, or an empty form. */
async function load() {
  name = decodeURIComponent(location.hash.slice(1));
  const known =
    name === '' ? null : await ask('GET', `/api/sale-files/${encodeURIComponent(name)}`);
  setShown(find('#form'), name === '' || known !== null);
  if (name !== '' && known === null) return;
  form = known === null ? newSale(Date.now()) : formOf(known.file);
  version = known?.version ?? '';
  switches = known?.switches ?? {};
  isChanged = false;
  agreed = null;
  hidePlan();
  setShown(find('#preview'), false);
  setText(find('#heading'), name === '' ? 'A new sale' : `Sale ${name}`);
  const notes = [
    ...(known?.isCalledOff ? ['This sale was called off: nothing of it changes any more.'] : []),
    ...(known?.hasOpened ? ['This sale has opened: its opening time stays.'] : []),
  ];
  setText(find('#state-note'), notes.join(' '));
  draw();
}

/** Puts back what was typed before, if it was not applied. */
function restore() {
  const draft = findDraft(session.login, name);
  setShown(find('#draft-note'), draft !== null);
  setShown(find('#draft-buttons'), draft !== null);
  if (draft === null) return;
  form = draft.form;
  version = draft.version;
  isChanged = true;
  const at = moment(draft.keptAt);
  setShown(find('#form'), true);
  setText(find('#draft-note'), `Your changes of ${at} are back. They are not applied yet.`);
  draw();
}

function hideDraft() {
  dropDraft(session.login, name);
  setShown(find('#draft-note'), false);
  setShown(find('#draft-buttons'), false);
}

/** Asks what would change. */
async function plan(note = '') {
  const text = fileText();
  const isLast = asked();
  const answer = await ask('POST', '/api/sale-files/plan', { text, version });
  // A plan of what the form was is none of what it is.
  if (answer === null || !isLast() || text !== fileText()) return;
  showProblems(answer.problems);
  if (answer.problems.length > 0) return hidePlan();
  agreed = { text, mark: answer.mark, countFrom: answer.countFrom };
  const meanwhile =
    version === ''
      ? `There is a sale ${answer.plan.sale} already. The form would change it.`
      : 'The sale was changed after this form was opened. This compares the form with the sale as it is now.';
  showPlan(answer.plan, [note, answer.isChanged ? meanwhile : ''].filter((each) => each).join(' '));
}

async function apply() {
  const reason = find('#reason');
  const given = reason instanceof HTMLInputElement ? reason.value.trim() : '';
  setText(find('#reason-error'), given === '' ? 'Say why, for the history.' : '');
  setAttribute(reason, 'aria-invalid', given === '' ? 'true' : null);
  if (given === '') return reason.focus();
  if (agreed === null) return;
  const ofPlan = agreed;
  const isMeant = await confirmed('Make these changes?', 'Shoppers see them at once.');
  if (!isMeant) return;
  find('#change').focus();
  const change = await carryOut('/api/sale-files/apply', { ...ofPlan, reason: given });
  if (change === null) return;
  if (change.state === 'refused') return plan(change.lines.at(-1));
  if (change.state === 'failed') return;
  hideDraft();
  history.replaceState(null, '', `#${encodeURIComponent(change.sale)}`);
  await load();
}

async function preview() {
  setText(find('#form-note'), '');
  const isLast = asked();
  const answer = await ask('POST', '/api/sale-files/preview', { text: fileText() });
  if (answer === null || !isLast()) return;
  showProblems(answer.problems);
  if (answer.problems.length === 0) showPreview(answer.sale, form.languages);
}

const fileField = () => /** @type {HTMLTextAreaElement} */ (find('#file-text'));

/** Puts a sale file into the form, or shows its errors with line and column. */
async function readFile() {
  const text = fileField().value;
  const isLast = asked();
  const answer = await ask('POST', '/api/sale-files/read', { text });
  if (answer === null || !isLast()) return;
  const problems = /** @type {import('./sale/problems.js').FileProblem[]} */ (answer.problems);
  showTexts(
    find('#file-errors'),
    problems.map(
      ({ line, column, path, message }) =>
        `line ${line}, column ${column}: ${path === '' ? '' : `${path}: `}${message}`,
    ),
  );
  if (answer.file === null) {
    setText(find('#file-note'), `The file has ${problems.length} errors. The form stays as it is.`);
    return;
  }
  if (version !== '' && answer.file.sale !== name) {
    setText(
      find('#file-note'),
      `The file is about the sale ${answer.file.sale}, and this page about ${name}. The form stays as it is.`,
    );
    return;
  }
  form = formOf(answer.file);
  changed();
  draw();
  setText(find('#file-note'), 'The file is in the form. Nothing is applied yet.');
}

async function saveFile() {
  const answer = await ask('POST', '/api/sale-files/read', { text: fileText() });
  if (answer === null || answer.yaml === null) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([answer.yaml], { type: 'application/yaml' }));
  link.download = `${form.sale || 'sale'}.yaml`;
  link.click();
  URL.revokeObjectURL(link.href);
  const many = answer.problems.length;
  setText(find('#file-note'), many === 0 ? 'Downloaded.' : `Downloaded. It has ${many} errors.`);
}

function listen() {
  find('#fields').addEventListener('input', changed);
  find('#form').addEventListener('submit', (event) => {
    event.preventDefault();
    void plan();
  });
  find('#apply').addEventListener('submit', (event) => {
    event.preventDefault();
    void apply();
  });
  find('#show-preview').addEventListener('click', () => void preview());
  find('#file-read').addEventListener('click', () => void readFile());
  find('#file-save').addEventListener('click', () => void saveFile());
  find('#file-choose').addEventListener('change', async (event) => {
    const file = event.target instanceof HTMLInputElement ? event.target.files?.[0] : undefined;
    if (file === undefined) return;
    fileField().value = await file.text();
    await readFile();
  });
  find('#drop-draft').addEventListener('click', async () => {
    hideDraft();
    await load();
    find('#heading').focus();
  });
  window.addEventListener('pagehide', keepNow);
  window.addEventListener('beforeunload', (event) => {
    keepNow();
    if (isChanged) event.preventDefault();
  });
  window.addEventListener('hashchange', () => location.reload());
  preparePreview();
}

setShown(find('#role-note'), !mayEdit);
setShown(find('#content'), mayEdit);
if (mayEdit) {
  listen();
  await load();
  restore();
}

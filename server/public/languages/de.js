// @ts-check
/** The messages of the page in German, with the formal address. */

/** @type {import('../js/language.js').Translated<import('../js/language.js').Texts>} */
export default {
  shop: 'Blitzverkauf',
  language: 'Sprache',
  languageChanged: 'Diese Seite ist jetzt auf Deutsch.',
  needsScript: 'Diese Seite benötigt JavaScript.',
  free: 'Kostenlos',
  loading: 'Wird geladen',
  oneMoment: 'Einen Moment bitte.',

  sentences: '{first} {second}',
  titled: '{title}. {text}',

  list: {
    skip: 'Zu den Verkäufen springen',
    headline: 'Wenige Stücke.',
    headline2: 'Ein Moment.',
    choose: 'Wählen Sie einen Verkauf und seien Sie dabei, wenn er beginnt.',
    heading: 'Verkäufe',
    none: 'Zurzeit ist kein Verkauf angekündigt. Der nächste erscheint hier von selbst.',
    offline: 'Im Moment besteht keine Verbindung zum Shop. Diese Seite versucht es weiter.',
  },

  sale: {
    skip: 'Zu den Produkten springen',
    newGuest: 'Neuer Gast',
    guestChanged: 'Sie sind jetzt ein anderer Gast.',
    guest: 'Gast {name}',
    signedIn: 'Angemeldet',
    signIn: 'Melden Sie sich im Shop an, um teilzunehmen',
    coming: 'Der Verkauf wird geladen',
    products: 'Produkte',
    pageTitle: '{phase}: {title}',
    offline:
      'Im Moment besteht keine Verbindung zum Shop. Diese Seite versucht es weiter. Anfragen, die der Shop schon hat, sind sicher.',
  },

  missing: {
    pageTitle: 'Verkauf nicht gefunden',
    pill: 'Nicht gefunden',
    title: 'Diesen Verkauf gibt es nicht',
    text: 'Vielleicht wurde er entfernt. Die Liste der Verkäufe zeigt, was läuft.',
  },

  phases: {
    scheduled: 'Demnächst',
    open: 'Jetzt im Verkauf',
    paused: 'Pausiert',
    sold_out: 'Ausverkauft',
    closed: 'Beendet',
  },

  countdown: {
    scheduled: 'Beginnt in',
    open: 'Endet in',
    paused: 'Zurzeit pausiert. Endet in',
    sold_out: 'Alle Stücke sind verkauft. Endet in',
    closed: 'Dieser Verkauf ist beendet',
  },
  units: { days: 'Tage', hours: 'Std.', minutes: 'Min.', seconds: 'Sek.' },

  when: {
    noProducts: 'Die Produkte sind noch nicht da',
    opens: 'Beginn: {time} Uhr (Ihre Ortszeit)',
    until: 'Ende: {time} Uhr (Ihre Ortszeit)',
    endedEarly: 'Vom Shop vorzeitig beendet',
    closed: 'Beendet: {time} Uhr (Ihre Ortszeit)',
  },

  announcements: {
    opensSoon: 'Der Verkauf beginnt {when}.',
    open: 'Der Verkauf hat begonnen.',
    paused: 'Der Verkauf ist pausiert.',
    sold_out: 'Alles ist ausverkauft.',
    closed: 'Der Verkauf ist beendet.',
  },

  rules: {
    heading: 'So funktioniert es',
    clock: 'Eine Uhr.',
    clockText:
      'Die Schaltflächen werden nach der Uhr des Shops freigegeben, wo auch immer Sie sind. Sie müssen die Seite nicht neu laden.',
    press: 'Ein Klick.',
    pressText:
      'Eine Anfrage in der Warteschlange zählt nur einmal. Sie können die Seite schließen und wiederkommen.',
    guessing: 'Klare Auskunft.',
    guessingText:
      '„Ausverkauft“ heißt, dass alle Stücke bezahlt sind. Bis dahin können Stücke zurückkommen.',
    lottery: 'Eine faire Auslosung.',
    lotteryText:
      'Wenn weit mehr Menschen klicken, als es Stücke gibt, lässt der Shop unter Umständen nur einen ausgelosten Teil von ihnen zu.',
    lotteryLink: 'Wie die Auslosung funktioniert und wie jeder sie prüfen kann',
  },

  badges: {
    scheduled: 'Demnächst',
    paused: 'Pausiert',
    closed: 'Verkauf beendet',
    plenty: 'Vorrätig',
    daily: 'Einmal am Tag',
    few: 'Nur noch wenige',
    maybe: 'Vielleicht: Stücke können zurückkommen',
    sold_out: 'Ausverkauft',
  },

  button: {
    inQueue: 'In der Warteschlange',
    busy: 'Einen Moment',
    closed: 'Verkauf beendet',
    reserved: 'Für Sie reserviert',
    yours: 'Gehört Ihnen',
    opensIn: 'Beginnt in',
    paused: 'Pausiert',
    soldOut: 'Ausverkauft',
    impossible: 'Nicht möglich',
    againIn: 'Wieder in',
    try: 'Jetzt versuchen',
    buy: 'Jetzt kaufen',
    today: 'Für heute holen',
    draw: 'Umschlag öffnen',
    of: ': {title}',
  },

  tile: {
    quantityOf: 'Anzahl von {title}',
    limit: { one: 'Ein Stück pro Person', other: 'Bis zu {count} Stück pro Person' },
    daily: 'Eins pro Tag',
    streak: { one: '{count} Tag in Folge', other: '{count} Tage in Folge' },
    payOrCancel: 'Bezahlen oder stornieren',
    seeOrder: 'Ihre Bestellung ansehen',
  },

  plan: {
    open: 'Im Plan auswählen',
    title: 'Plan: {title}',
    how: 'Wählen Sie durch Antippen oder mit den Pfeiltasten und der Leertaste. Ohne Auswahl gibt Ihnen der Shop die besten freien Plätze.',
    front: 'Vorne',
    part: 'Gezeigte Reihen',
    free: 'frei',
    taken: 'vergeben',
    chosen: 'ausgewählt',
    place: '{unit}, {state}',
    none: 'Noch nichts ausgewählt. Sie können bis zu {count} auswählen.',
    full: 'Sie können nicht mehr als {count} auswählen.',
    have: 'Ausgewählt: {units}.',
    single:
      'Ein einzelner Platz bliebe zwischen anderen übrig. Wählen Sie einen anderen oder diesen dazu.',
    lost: 'Jemand anders war schneller: {units}. Bitte wählen Sie neu.',
    take: 'Diese nehmen',
    close: 'Zurück',
    offline: 'Der Plan kann gerade nicht geladen werden. Diese Seite versucht es weiter.',
    old: 'Stand: {time}. Etwas Neueres weiß der Shop gerade nicht.',
  },

  packets: {
    pot: {
      one: '{sum} in {count} Umschlag, einer pro Person',
      other: '{sum} in {count} Umschlägen, einer pro Person',
    },
    divided: 'Vor Beginn des Verkaufs aufgeteilt. SHA-256 der Aufteilung:',
    got: 'Sie haben {sum} bekommen',
    paidOut: 'Der Shop zahlt den Betrag an Sie aus.',
  },

  again: {
    tryIn: 'Versuchen Sie es {when} noch einmal.',
    tryNow: 'Sie können es jetzt noch einmal versuchen.',
    trySpoken: 'Die Schaltfläche zeigt, wann Sie es noch einmal versuchen können.',
    checkIn: 'Prüfen Sie es {when} noch einmal.',
    checkNow: 'Sie können jetzt prüfen, ob Ihr Platz erreicht ist.',
    checkSpoken: 'Die Schaltfläche zeigt, wann Sie es noch einmal prüfen können.',
  },

  waitlist: {
    join: 'Auf die Warteliste',
    leave: 'Warteliste verlassen',
    next: 'Sie sind als Nächstes an der Reihe',
    ahead: { one: '{count} Person vor Ihnen', other: '{count} Personen vor Ihnen' },
    held: 'Ein Stück, das zurückkommt, wird hier für Sie zurückgelegt. Die Warteliste richtet sich nach dem Losrang, nicht nach der Zeit: Wer einen besseren Rang hat, kommt vor Ihnen dran, auch wenn er später dazukommt.',
    allPaid: 'Alle Stücke sind bezahlt, deshalb kann zurzeit keines zurückkommen.',
    tryToBuy:
      'Es sind noch nicht alle Stücke vergeben: Versuchen Sie, eines zu kaufen, oder bleiben Sie auf der Warteliste.',
    served: 'Ein Stück ist für Sie zurückgelegt',
    servedText: 'Bis {time} Uhr. Bezahlen Sie jetzt, um es zu behalten.',
    ended: 'Der Verkauf ist beendet',
    endedWaiting: 'Für Sie ist kein Stück zurückgekommen.',
    endedText: 'Bis zum Ende ist kein Stück für Sie zurückgekommen.',
  },

  orders: {
    heading: 'Ihre Bestellungen',
    incomplete:
      'Einige Ihrer Bestellungen können gerade nicht angezeigt werden. Sie sind sicher, und diese Seite sucht weiter nach ihnen.',
    older: 'Ältere Bestellungen anzeigen',
    olderUnanswered:
      'Keine Antwort vom Shop. Ihre Bestellungen sind sicher: Versuchen Sie es noch einmal.',
    number: 'Bestellung {number}, {time} Uhr',
    seat: 'Reihe {row}, Platz {seat}',
    payWithin: 'Noch {time} zum Bezahlen',
    payUntil: 'bis {time} Uhr',
    awaiting: 'Wartet auf Ihre Zahlung',
    payOver: 'Die Zahlungsfrist ist abgelaufen. Der Shop nimmt die Stücke zurück.',
    pay: 'Jetzt bezahlen',
    payTitle: 'Jetzt bezahlen: {title}',
    cancel: 'Bestellung stornieren',
    cancelTitle: 'Bestellung stornieren: {title}',
    announcement: '{title}: {state}.',
    refundDue:
      'Eine Zahlung, die für diese Bestellung nicht verwendet werden kann, wird Ihnen erstattet: {sum}.',
    refundDone:
      'Eine Zahlung, die für diese Bestellung nicht verwendet werden konnte, wurde Ihnen erstattet: {sum}.',
    refundDoneAt:
      'Eine Zahlung, die für diese Bestellung nicht verwendet werden konnte, wurde Ihnen erstattet: {sum}, {time} Uhr.',
    shopRefundDue: 'Ihre Zahlung wird Ihnen erstattet: {sum}.',
    shopRefundDone: 'Ihre Zahlung wurde Ihnen erstattet: {sum}.',
    shopRefundDoneAt: 'Ihre Zahlung wurde Ihnen erstattet: {sum}, {time} Uhr.',
    payUnsure:
      'Noch keine Antwort. Ihre Zahlung ist möglicherweise angekommen: Die Bestellung wird es zeigen. Auch wenn Sie noch einmal bezahlen, wird der Betrag nie doppelt berechnet.',
    cancelUnsure: 'Noch keine Antwort. Die Bestellung wird zeigen, ob sie storniert wurde.',
    ownCheckout:
      'Dieser Shop nimmt Zahlungen an seiner eigenen Kasse entgegen. Ihre Bestellung bleibt bis zur angezeigten Zeit für Sie reserviert.',
  },

  doorTickets: {
    show: 'Tickets anzeigen',
    hide: 'Tickets ausblenden',
    print: 'Drucken',
    use: 'Zeigen Sie am Einlass für jede Person einen Code. Jeder gilt einmal. Wenn eine Bestellung zurückgegeben wird, sind ihre Codes ungültig.',
    alt: 'QR-Code: {unit}',
    order: 'Bestellung {number}',
    unanswered: 'Keine Antwort vom Shop. Ihre Tickets sind sicher: Versuchen Sie es noch einmal.',
  },

  cancelDialog: {
    question: 'Ihre Bestellung von {title} stornieren?',
    text: 'Jemand anderes kann das Stück dann sofort bekommen, und vielleicht bekommen Sie kein anderes mehr.',
    keep: 'Behalten',
    cancel: 'Bestellung stornieren',
  },

  verdicts: {
    shed: {
      title: 'Dieses Mal nicht zugelassen',
      text: 'So viele Menschen haben im selben Moment geklickt, dass nur ein Teil der Anfragen zugelassen wurde.',
    },
    rate_limited: {
      title: 'Etwas zu schnell',
      text: 'Sie oder Ihr Netzwerk haben mehr Anfragen gesendet, als der Shop auf einmal annimmt.',
    },
    cooldown: {
      title: 'Bitte warten Sie vor Ihrer nächsten Anfrage',
      text: 'Der Shop hat gerade eben eine Anfrage von Ihnen angenommen. Er nimmt alle paar Sekunden eine pro Person an.',
    },
    quota_spent: {
      title: 'Hier ist im Moment keines verfügbar',
      text: 'Das heißt nicht ausverkauft: Jeden Moment können hier weitere Stücke verfügbar werden.',
    },
    quota_unavailable: {
      title: 'Dieser Teil des Shops kann im Moment nicht verkaufen',
      text: 'Er wartet auf die Nachricht, wie viele Stücke er verkaufen darf.',
    },
    overloaded: {
      title: 'Im Shop ist sehr viel los',
      text: 'Ihre Anfrage wurde nicht angenommen, damit die bereits Wartenden bedient werden können.',
    },
    status_unavailable: {
      title: 'Der Stand ist im Moment nicht abrufbar',
      text: 'Der Shop kann Ihre Anfrage gerade nicht nachschlagen. An ihrem Ergebnis ändert das nichts.',
    },
    sold_out: {
      title: 'Ausverkauft',
      text: 'Alle Stücke sind verkauft und bezahlt, deshalb kann keines zurückkommen.',
    },
    not_open: {
      title: 'Noch nicht eröffnet',
      text: 'Die Schaltfläche wird zur angekündigten Zeit von selbst freigegeben.',
    },
    paused: {
      title: 'Der Verkauf ist pausiert',
      text: 'Der Shop hat den Verkauf vorerst angehalten. Über bereits angenommene Anfragen wird weiterhin entschieden.',
    },
    closed: {
      title: 'Der Verkauf ist beendet',
      text: 'Es werden keine neuen Anfragen angenommen.',
    },
    ticket_invalid: {
      title: 'Ihr Ticket ist abgelaufen',
      text: 'Ein Ticket gilt nur wenige Sekunden. Klicken Sie noch einmal, um ein neues zu bekommen.',
    },
    blocked: {
      title: 'Dieses Konto kann nicht teilnehmen',
      text: 'Der Shop hat dieses Konto oder Netzwerk vom Verkauf ausgeschlossen. Den Grund nennt Ihnen der Kundendienst.',
    },
    units_available: {
      title: 'Es sind noch nicht alle Stücke vergeben',
      text: 'Versuchen Sie, eines zu kaufen. Die Warteliste ist für Stücke, die zurückkommen. Sie öffnet, wenn keines mehr da ist.',
    },
    limit_reached: {
      title: 'Sie haben so viele, wie eine Person kaufen darf',
      text: 'Durch einen Platz auf der Warteliste würden Sie nicht mehr bekommen.',
    },
    line_full: {
      title: 'Die Warteliste ist voll',
      text: 'Alle Plätze sind vergeben. In einer Weile werden vielleicht einige frei.',
    },
    no_waitlist: {
      title: 'Zurzeit gibt es keine Warteliste',
      text: 'Stücke, die zurückkommen, können alle kaufen. Schauen Sie wieder vorbei.',
    },
    bad_request: {
      title: 'Der Shop hat diese Seite nicht verstanden',
      text: 'Laden Sie die Seite neu: Sie ist möglicherweise veraltet.',
    },
  },

  outcomes: {
    queued: {
      title: 'Ihre Anfrage ist in der Warteschlange',
      text: 'Sie ist sicher und zählt einmal. Sie können hierbleiben oder später wiederkommen.',
    },
    ordered: { title: 'Gehört Ihnen', text: 'Bezahlen Sie rechtzeitig, um es zu behalten.' },
    paid: { title: 'Bezahlt', text: 'Vielen Dank. Diese Bestellung ist abgeschlossen.' },
    free: { title: 'Gehört Ihnen', text: 'Es ist kostenlos, Sie müssen also nichts bezahlen.' },
    cancelled: { title: 'Bestellung storniert', text: 'Ihre Stücke wurden zurückgegeben.' },
    expired: {
      title: 'Bestellung abgelaufen',
      text: 'Sie wurde nicht rechtzeitig bezahlt, deshalb wurden ihre Stücke zurückgegeben.',
    },
    refund_due: {
      title: 'Ihre Zahlung wird erstattet',
      text: 'Sie kam, nachdem die Bestellung geendet hatte, und es konnte kein Stück mehr dafür verkauft werden.',
    },
    refunded: {
      title: 'Ihre Zahlung wurde erstattet',
      text: 'Sie kam, nachdem die Bestellung geendet hatte, und es konnte kein Stück mehr dafür verkauft werden.',
    },
    sold_out: {
      title: 'Ausverkauft',
      text: 'Das letzte Stück ging an eine Anfrage vor Ihrer.',
    },
    limit_reached: {
      title: 'Sie haben so viele, wie eine Person kaufen darf',
      text: 'Diese Anfrage wurde nicht zu Ihren Bestellungen hinzugefügt.',
    },
    closed: {
      title: 'Der Verkauf ist beendet',
      text: 'Über Ihre Anfrage wurde nach dem Ende des Verkaufs entschieden, und es wurde nichts bestellt.',
    },
    rejected: {
      title: 'Diese Anfrage konnte nicht angenommen werden',
      text: 'Mit ihr wurde nichts bestellt. Wenn Sie noch einmal klicken, senden Sie eine neue Anfrage.',
    },
  },

  page: {
    asking: { title: 'Ihr Ticket wird geholt', text: 'Einen Moment bitte.' },
    sending: { title: 'Ihre Anfrage wird gesendet', text: 'Einen Moment bitte.' },
    solving: {
      title: 'Zuerst eine kleine Rechenaufgabe',
      text: 'Ihr Gerät löst sie von selbst in wenigen Sekunden und fragt dann noch einmal nach Ihrem Ticket.',
    },
    puzzle_failed: {
      title: 'Die Rechenaufgabe konnte hier nicht gelöst werden',
      text: 'Es wurde kein Ticket ausgegeben. Nötig ist ein aktueller Browser mit sicherer Verbindung (https): Laden Sie die Seite neu, oder verwenden Sie einen anderen Browser.',
    },
    reaching: {
      title: 'Keine Verbindung zum Shop',
      text: 'Ihre Anfrage wurde noch nicht gesendet. Diese Seite versucht es weiter für Sie.',
    },
    unsure: {
      title: 'Die Verbindung wurde unterbrochen',
      text: 'Der Shop hat Ihre Anfrage möglicherweise schon. Diese Seite fragt noch einmal mit derselben Nummer, sie zählt also nur einmal.',
    },
    unanswered: {
      title: 'Keine Antwort vom Shop',
      text: 'Ihre Anfrage wurde nicht gesendet. Prüfen Sie Ihre Verbindung.',
    },
    waitlist_unsure: {
      title: 'Keine Antwort vom Shop',
      text: 'Möglicherweise haben Sie schon einen Platz auf der Warteliste. Wenn Sie noch einmal fragen, bekommen Sie nie einen zweiten.',
    },
    not_found_yet: {
      title: 'Der Shop hat Ihre Anfrage nicht verzeichnet',
      text: 'Sie ist höchstwahrscheinlich nie angekommen. Klicken Sie noch einmal: Sie behält ihre Nummer und zählt nur einmal.',
    },
    following: {
      title: 'Ihre Anfrage ist in der Warteschlange',
      text: 'Die Verbindung wurde unterbrochen, aber der Shop hat Ihre Anfrage. Diese Seite fragt weiter nach dem Ergebnis.',
    },
    unauthenticated: {
      title: 'Bitte melden Sie sich an',
      text: 'Melden Sie sich im Shop an und kommen Sie dann auf diese Seite zurück, um teilzunehmen.',
    },
    not_found: {
      title: 'Nicht gefunden',
      text: 'Der Shop hat unter dieser Adresse nichts für Sie.',
    },
    not_allowed_now: {
      title: 'Dafür ist es zu spät',
      text: 'Die Bestellung hat sich geändert. Sie sehen jetzt ihren aktuellen Stand.',
    },
    internal_error: {
      title: 'Im Shop ist etwas schiefgegangen',
      text: 'Sie haben nichts falsch gemacht. Was Sie noch einmal senden, zählt nur einmal.',
    },
    preview: {
      title: 'Das ist eine Vorschau',
      text: 'Hier kann nichts gekauft werden. Kundinnen und Kunden können diesen Knopf drücken, wenn der Verkauf geöffnet ist.',
    },
  },

  reasons: {
    'closed/called_off': {
      title: 'Der Shop hat diesen Verkauf abgesagt',
      text: 'Die Bestellungen dieses Verkaufs werden storniert, und wer bezahlt hat, bekommt das Geld zurück.',
    },
    'cancelled/by_shop': {
      title: 'Der Shop hat diese Bestellung storniert',
      text: 'Den Grund nennt Ihnen der Kundendienst.',
    },
    'cancelled/called_off': {
      title: 'Bestellung storniert',
      text: 'Der Shop hat diesen Verkauf abgesagt.',
    },
    'shed/lottery': {
      title: 'Ihr Platz in der Auslosung ist nicht erreicht',
      text: 'Er bleibt derselbe, so oft Sie auch klicken. Vielleicht lässt der Shop später mehr Menschen zu, und dann wird Ihr Platz möglicherweise erreicht.',
    },
    'quota_spent/too_few_now': {
      title: 'Im Moment sind nicht so viele verfügbar',
      text: 'Ein Teil der gewünschten Stücke ist verfügbar: Wählen Sie weniger, oder versuchen Sie es noch einmal mit allen.',
    },
    'queued/delayed': {
      title: 'Ihre Anfrage dauert länger als gewöhnlich',
      text: 'Sie ist sicher und zählt einmal. Jemand vom Shop muss sie sich ansehen. Sie können später wiederkommen.',
    },
    'sold_out/units_may_return': {
      title: 'Zurzeit sind alle Stücke vergeben',
      text: 'Stücke, die nicht rechtzeitig bezahlt werden, kommen zurück. Sie gehen zuerst an die Personen auf der Warteliste.',
    },
    'sold_out/all_drawn': {
      title: 'Alle Umschläge sind vergeben',
      text: 'Der Betrag wurde einmal aufgeteilt. Es kommt kein Umschlag zurück.',
    },
    'rejected/refused_by_operator': {
      title: 'Der Shop konnte über diese Anfrage nicht entscheiden',
      text: 'Mit ihr wurde nichts bestellt, und für sie wird nichts zurückgelegt. Wenn Sie noch einmal klicken, senden Sie eine neue Anfrage.',
    },
    'rejected/request_id_taken': {
      title: 'Diese Anfrage konnte nicht angenommen werden',
      text: 'Ihre Nummer gehört jemand anderem. Wenn Sie noch einmal klicken, bekommen Sie eine neue Nummer.',
    },
    'rejected/seats_taken': {
      title: 'Jemand anders war schneller',
      text: 'Es wurde nichts bestellt: Ein Platz, den Sie ausgewählt haben, ist vergeben. Der Plan zeigt, was jetzt frei ist.',
    },
    'rejected/leaves_single': {
      title: 'Ein einzelner Platz bliebe übrig',
      text: 'Es wurde nichts bestellt. Wählen Sie so, dass kein einzelner Platz zwischen anderen übrig bleibt.',
    },
  },

  puzzle: {
    label: 'Eine kleine Rechenaufgabe für Ihr Ticket',
    verifying: 'Ihr Gerät rechnet…',
    verified: 'Gelöst',
    error: 'Die Rechenaufgabe konnte hier nicht gelöst werden.',
    waitAlert: 'Die Berechnung läuft. Bitte warten Sie.',
  },
  puzzleCauses: {
    operator: 'Der Shop verlangt das im Moment von allen.',
    user_rate: 'Der Shop verlangt das, weil Sie sehr oft geklickt haben.',
    network_rate: 'Der Shop verlangt das, weil Ihr Netzwerk sehr viele Anfragen gesendet hat.',
    network_users: 'Der Shop verlangt das, weil sehr viele Menschen aus Ihrem Netzwerk kommen.',
    late_ticket: 'Der Shop verlangt das, weil Ihr letztes Ticket spät verwendet wurde.',
    missing_headers:
      'Der Shop verlangt das, weil Ihr Browser weniger über sich mitteilt als andere Browser.',
  },

  lottery: {
    back: 'Zurück zum Verkauf',
    heading: 'Die Auslosung eines Verkaufs',
    headingOf: 'Die Auslosung von „{title}“',
    summary:
      'Wenn weit mehr Menschen klicken, als es Stücke gibt, wird nur ein Teil von ihnen zugelassen.',
    how: 'So funktioniert sie',
    rank: 'Jeder Benutzer hat einen Rang zwischen 0 und 1: die ersten 48 Bit von HMAC-SHA-256 des Benutzers, mit einem Geheimnis des Verkaufs als Schlüssel. Eine Anfrage wird zugelassen, wenn der Rang ihres Benutzers unter dem zugelassenen Anteil liegt. Noch einmal zu klicken ändert den Rang nicht.',
    atRandom:
      'Im Moment werden Anfragen nach dem Zufall zugelassen, und jeder Klick hat eine neue Chance. Ränge entscheiden nur, wer auf der Warteliste zuerst an der Reihe ist.',
    below: 'Im Moment werden Ränge unter {share} zugelassen.',
    everyRank: 'Im Moment wird jeder Rang zugelassen.',
    hash: 'Das Geheimnis wurde zusammen mit dem Verkauf erzeugt. Sein SHA-256-Hash steht von Anfang an hier, deshalb kann niemand das Geheimnis austauschen:',
    secret: 'Das Geheimnis',
    secretLater: 'Es wird hier gezeigt, sobald die Schlusszeit des Verkaufs vorbei ist.',
    uncheckable:
      'Ohne https kann Ihr Browser das Geheimnis nicht prüfen. Jeder kann es prüfen, mit: {command}',
    kept: 'Dies ist das Geheimnis, dessen Hash vor dem Verkauf gezeigt wurde: Ihr Browser hat es gerade geprüft.',
    broken:
      'Dies ist nicht das Geheimnis, dessen Hash gezeigt wird. Der Shop hat sein Wort nicht gehalten.',
    user: 'Benutzer',
    compute: 'Rang berechnen',
    result:
      'Rang {rank}: Anfragen dieses Benutzers wurden zugelassen, solange der zugelassene Anteil mindestens {share} betrug.',
    missing: 'Diesen Verkauf gibt es nicht.',
    offline: 'Keine Verbindung zum Shop. Diese Seite versucht es weiter.',
  },

  notices: {
    heading: 'Auch ohne diese Seite Bescheid wissen',
    intro:
      'Wir melden uns, wenn Sie bestellt haben, wenn Ihre Zeit zum Bezahlen bald endet und wenn ein Stück, auf das Sie warten, für Sie reserviert ist.',
    email: 'E-Mail-Adresse',
    ask: 'Schreiben Sie mir',
    push: 'Dieses Gerät benachrichtigen',
    stop: 'Keine Nachrichten mehr',
    waiting: 'Sehen Sie in Ihr Postfach: Ein Link darin bestätigt {address}.',
    emailOn: 'Wir schreiben an {address}.',
    pushOn: 'Benachrichtigungen sind eingeschaltet.',
    bad: 'An diese Adresse können wir nicht schreiben.',
    questions:
      'Es wurden schon mehrere Links verschickt. Suchen Sie den letzten oder versuchen Sie es morgen noch einmal.',
    failed: 'Das hat nicht geklappt. Versuchen Sie es noch einmal.',
    denied: 'Ihr Browser lässt Benachrichtigungen dieses Shops nicht zu.',
    stopped: 'Sie erhalten keine Nachrichten mehr.',
    confirmHeading: 'E-Mail-Adresse bestätigen',
    confirmText: 'Danach schreiben wir Ihnen zu Ihren Bestellungen bei diesem Verkauf.',
    confirm: 'Bestätigen',
    confirmed: 'Bestätigt. Wir schreiben Ihnen zu Ihren Bestellungen.',
    leaveHeading: 'Abbestellen',
    leaveText: 'Danach schreiben wir Ihnen nicht mehr zu Ihren Bestellungen bei diesem Verkauf.',
    leave: 'Abbestellen',
    left: 'Die Nachrichten sind abbestellt.',
    gone: 'Dieser Link gilt nicht mehr.',
    toShop: 'Zum Shop',
  },
};

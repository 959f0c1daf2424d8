// @ts-check
/** The messages of the page in French, with "vous". */

/** @type {import('../js/language.js').Translated<import('../js/language.js').Texts>} */
export default {
  shop: 'Vente flash',
  language: 'Langue',
  languageChanged: 'Cette page est maintenant en français.',
  needsScript: 'Cette page nécessite JavaScript.',
  free: 'Gratuit',
  loading: 'Chargement',
  oneMoment: 'Un instant.',

  sentences: '{first} {second}',
  titled: '{title}. {text}',

  list: {
    skip: 'Aller aux ventes',
    headline: 'Peu d’unités.',
    headline2: 'Un seul instant.',
    choose: 'Choisissez une vente et soyez là à l’ouverture.',
    heading: 'Ventes',
    none: 'Aucune vente n’est encore annoncée. La prochaine apparaîtra ici d’elle-même.',
    offline: 'Pas de connexion avec la boutique pour le moment. Cette page continue d’essayer.',
  },

  sale: {
    skip: 'Aller aux produits',
    newGuest: 'Autre invité',
    guestChanged: 'Vous êtes maintenant un autre invité.',
    guest: 'Invité {name}',
    signedIn: 'Connecté',
    signIn: 'Connectez-vous à la boutique pour participer',
    coming: 'La vente se charge',
    products: 'Produits',
    pageTitle: '{phase} : {title}',
    offline:
      'Pas de connexion avec la boutique pour le moment. Cette page continue d’essayer. Les demandes que la boutique a déjà reçues sont en sécurité.',
  },

  missing: {
    pageTitle: 'Vente introuvable',
    pill: 'Introuvable',
    title: 'Cette vente n’existe pas',
    text: 'Elle a peut-être été retirée. La liste des ventes montre ce qui est proposé.',
  },

  phases: {
    scheduled: 'À venir',
    open: 'En vente',
    paused: 'En pause',
    sold_out: 'Épuisé',
    closed: 'Terminée',
  },

  countdown: {
    scheduled: 'Ouvre dans',
    open: 'Se termine dans',
    paused: 'En pause pour le moment. Se termine dans',
    sold_out: 'Toutes les unités sont vendues. Se termine dans',
    closed: 'Cette vente est terminée',
  },
  units: { days: 'jours', hours: 'heures', minutes: 'min', seconds: 's' },

  when: {
    noProducts: 'Les produits ne sont pas encore là',
    opens: 'Ouverture : {time} (votre heure locale)',
    until: 'Fin : {time} (votre heure locale)',
    endedEarly: 'Terminée plus tôt par la boutique',
    closed: 'Terminée : {time} (votre heure locale)',
  },

  announcements: {
    opensSoon: 'La vente ouvre {when}.',
    open: 'La vente est ouverte.',
    paused: 'La vente est en pause.',
    sold_out: 'Tout est épuisé.',
    closed: 'La vente est terminée.',
  },

  rules: {
    heading: 'Comment ça marche',
    clock: 'Une seule horloge.',
    clockText:
      'Les boutons s’activent à l’heure de la boutique, où que vous soyez. Inutile de recharger la page.',
    press: 'Un seul appui.',
    pressText:
      'Une demande dans la file ne compte qu’une fois. Vous pouvez fermer la page et revenir.',
    guessing: 'Pas de devinettes.',
    guessingText:
      '« Épuisé » signifie que toutes les unités sont payées. D’ici là, des unités peuvent revenir.',
    lottery: 'Un tirage au sort équitable.',
    lotteryText:
      'Si bien plus de personnes appuient qu’il n’y a d’unités, la boutique peut n’en laisser entrer qu’une partie par tirage au sort.',
    lotteryLink: 'Comment fonctionne le tirage au sort, et comment chacun peut le vérifier',
  },

  badges: {
    scheduled: 'À venir',
    paused: 'En pause',
    closed: 'Vente terminée',
    plenty: 'En stock',
    daily: 'Une fois par jour',
    few: 'Plus que quelques-unes',
    maybe: 'Peut-être : des unités peuvent revenir',
    sold_out: 'Épuisé',
  },

  button: {
    inQueue: 'Dans la file',
    busy: 'Un instant',
    closed: 'Vente terminée',
    reserved: 'Réservé pour vous',
    yours: 'C’est à vous',
    opensIn: 'Ouvre dans',
    paused: 'En pause',
    soldOut: 'Épuisé',
    impossible: 'Impossible',
    againIn: 'De nouveau dans',
    try: 'Tenter ma chance',
    buy: 'Acheter',
    today: 'Obtenir aujourd’hui',
    draw: 'Ouvrir une enveloppe',
    of: ' : {title}',
  },

  tile: {
    quantityOf: 'Quantité de {title}',
    limit: {
      one: 'Une par personne',
      many: 'Jusqu’à {count} d’unités par personne',
      other: 'Jusqu’à {count} unités par personne',
    },
    daily: 'Une par jour',
    streak: {
      one: '{count} jour de suite',
      many: '{count} de jours de suite',
      other: '{count} jours de suite',
    },
    payOrCancel: 'Payer ou annuler',
    seeOrder: 'Voir votre commande',
  },

  plan: {
    open: 'Choisir sur le plan',
    title: 'Plan : {title}',
    how: 'Choisissez en touchant le plan, ou avec les flèches et la barre d’espace. Sans choix, la boutique vous donne les meilleures places libres.',
    front: 'Devant',
    part: 'Rangs affichés',
    free: 'disponible',
    taken: 'prise',
    chosen: 'choisie',
    place: '{unit}, {state}',
    none: 'Rien n’est encore choisi. Maximum : {count}.',
    full: 'Vous ne pouvez pas choisir plus de {count}.',
    have: 'Choix : {units}.',
    single: 'Une place resterait seule entre d’autres. Choisissez-en une autre, ou celle-là aussi.',
    lost: 'Quelqu’un a été plus rapide : {units}. Choisissez de nouveau.',
    take: 'Prendre celles-ci',
    close: 'Retour',
    offline: 'Le plan ne peut pas être chargé pour le moment. Cette page continue d’essayer.',
    old: 'À {time}. La boutique ne sait rien de plus récent pour le moment.',
  },

  packets: {
    pot: {
      one: '{sum} dans {count} enveloppe, une par personne',
      many: '{sum} dans {count} d’enveloppes, une par personne',
      other: '{sum} dans {count} enveloppes, une par personne',
    },
    divided: 'Réparti avant l’ouverture de la vente. SHA-256 de la répartition :',
    got: 'Vous avez reçu {sum}',
    paidOut: 'La boutique vous verse cette somme.',
  },

  again: {
    tryIn: 'Réessayez {when}.',
    tryNow: 'Vous pouvez réessayer maintenant.',
    trySpoken: 'Le bouton indique quand vous pourrez réessayer.',
    checkIn: 'Vérifiez de nouveau {when}.',
    checkNow: 'Vous pouvez vérifier maintenant si votre place est atteinte.',
    checkSpoken: 'Le bouton indique quand vous pourrez vérifier de nouveau.',
  },

  waitlist: {
    join: 'Rejoindre la liste d’attente',
    leave: 'Quitter la liste d’attente',
    next: 'Vous êtes le prochain servi',
    ahead: {
      one: '{count} personne avant vous',
      many: '{count} de personnes avant vous',
      other: '{count} personnes avant vous',
    },
    held: 'Une unité qui revient est gardée ici pour vous. La liste d’attente suit le rang du tirage au sort, pas l’heure d’arrivée : une personne de meilleur rang passe avant vous, même si elle arrive plus tard.',
    allPaid: 'Toutes les unités sont payées, aucune ne peut donc revenir pour le moment.',
    tryToBuy:
      'Toutes les unités ne sont pas prises : essayez d’en acheter une, ou restez dans la liste d’attente.',
    served: 'Une unité est gardée pour vous',
    servedText: 'Échéance : {time}. Payez maintenant pour la garder.',
    ended: 'La vente est terminée',
    endedWaiting: 'Aucune unité n’est revenue pour vous.',
    endedText: 'Aucune unité n’est revenue pour vous avant la fin.',
  },

  orders: {
    heading: 'Vos commandes',
    incomplete:
      'Certaines de vos commandes ne peuvent pas être affichées pour le moment. Elles sont en sécurité, et cette page continue de les chercher.',
    older: 'Afficher les commandes plus anciennes',
    olderUnanswered: 'Pas de réponse de la boutique. Vos commandes sont en sécurité : réessayez.',
    number: 'Commande {number}, {time}',
    seat: 'Rang {row}, place {seat}',
    payWithin: 'Encore {time} pour payer',
    payUntil: 'échéance : {time}',
    awaiting: 'En attente de votre paiement',
    payOver: 'Le délai de paiement est écoulé. La boutique reprend les unités.',
    pay: 'Payer',
    payTitle: 'Payer : {title}',
    cancel: 'Annuler la commande',
    cancelTitle: 'Annuler la commande : {title}',
    announcement: '{title} : {state}.',
    refundDue: 'Un paiement que cette commande ne peut pas utiliser vous sera remboursé : {sum}.',
    refundDone: 'Un paiement que cette commande n’a pas pu utiliser vous a été remboursé : {sum}.',
    refundDoneAt:
      'Un paiement que cette commande n’a pas pu utiliser vous a été remboursé : {sum}, {time}.',
    shopRefundDue: 'Votre paiement vous sera remboursé : {sum}.',
    shopRefundDone: 'Votre paiement vous a été remboursé : {sum}.',
    shopRefundDoneAt: 'Votre paiement vous a été remboursé : {sum}, {time}.',
    payUnsure:
      'Pas encore de réponse. Votre paiement est peut-être arrivé : la commande l’indiquera. Même si vous payez de nouveau, vous ne serez jamais débité deux fois.',
    cancelUnsure: 'Pas encore de réponse. La commande indiquera si elle a été annulée.',
    ownCheckout:
      'Cette boutique encaisse les paiements sur sa propre page. Votre commande vous est réservée jusqu’à l’heure indiquée.',
  },

  doorTickets: {
    show: 'Afficher les billets',
    hide: 'Masquer les billets',
    print: 'Imprimer les billets',
    use: 'Présentez un code par personne à l’entrée. Chacun n’est valable qu’une fois. Si une commande est rendue, ses codes ne sont plus valables.',
    alt: 'Code QR : {unit}',
    order: 'Commande {number}',
    unanswered: 'La boutique ne répond pas. Vos billets sont en sécurité : réessayez.',
  },

  cancelDialog: {
    question: 'Annuler votre commande de {title} ?',
    text: 'Une autre personne pourra l’obtenir aussitôt, et vous n’en aurez peut-être pas d’autre.',
    keep: 'La garder',
    cancel: 'Annuler la commande',
  },

  verdicts: {
    shed: {
      title: 'Pas admis cette fois',
      text: 'Tant de personnes ont appuyé au même instant que seule une partie des demandes a été admise.',
    },
    rate_limited: {
      title: 'Un peu trop vite',
      text: 'Vous ou votre réseau avez envoyé plus de demandes que la boutique n’en prend à la fois.',
    },
    cooldown: {
      title: 'Patientez avant votre prochaine demande',
      text: 'La boutique vient de prendre une demande de votre part. Elle en prend une par personne toutes les quelques secondes.',
    },
    quota_spent: {
      title: 'Aucune disponible ici pour le moment',
      text: 'Ce n’est pas épuisé : d’autres unités peuvent devenir disponibles ici à tout moment.',
    },
    quota_unavailable: {
      title: 'Cette partie de la boutique ne peut pas vendre pour le moment',
      text: 'Elle attend de savoir combien d’unités elle peut vendre.',
    },
    overloaded: {
      title: 'Il y a foule dans la boutique',
      text: 'Votre demande n’a pas été prise, afin de pouvoir servir les personnes qui attendent déjà.',
    },
    status_unavailable: {
      title: 'L’état n’est pas disponible pour le moment',
      text: 'La boutique ne peut pas consulter votre demande pour le moment. Cela ne change rien à son résultat.',
    },
    sold_out: {
      title: 'Épuisé',
      text: 'Toutes les unités sont vendues et payées, aucune ne peut donc revenir.',
    },
    not_open: {
      title: 'Pas encore ouvert',
      text: 'Le bouton s’active de lui-même à l’heure annoncée.',
    },
    paused: {
      title: 'La vente est en pause',
      text: 'La boutique a arrêté la vente pour le moment. Les demandes déjà prises sont toujours traitées.',
    },
    closed: { title: 'La vente est terminée', text: 'Aucune nouvelle demande n’est prise.' },
    ticket_invalid: {
      title: 'Votre ticket a expiré',
      text: 'Un ticket n’est valable que quelques secondes. Appuyez de nouveau pour en obtenir un autre.',
    },
    blocked: {
      title: 'Ce compte ne peut pas participer',
      text: 'La boutique a exclu ce compte ou ce réseau de la vente. Son service client peut vous dire pourquoi.',
    },
    units_available: {
      title: 'Toutes les unités ne sont pas prises',
      text: 'Essayez d’en acheter une. La liste d’attente est pour les unités qui reviennent. Elle ouvre quand il n’en reste plus.',
    },
    limit_reached: {
      title: 'Vous avez le maximum autorisé par personne',
      text: 'Une place dans la liste d’attente ne vous en donnerait pas plus.',
    },
    line_full: {
      title: 'La liste d’attente est pleine',
      text: 'Toutes les places sont prises. Certaines se libéreront peut-être dans un moment.',
    },
    no_waitlist: {
      title: 'Il n’y a pas de liste d’attente actuellement',
      text: 'Tout le monde peut acheter les unités qui reviennent. Revenez voir ici.',
    },
    bad_request: {
      title: 'La boutique n’a pas compris cette page',
      text: 'Rechargez la page : elle n’est peut-être plus à jour.',
    },
  },

  outcomes: {
    queued: {
      title: 'Votre demande est dans la file',
      text: 'Elle est en sécurité et compte une fois. Vous pouvez rester ici ou revenir plus tard.',
    },
    ordered: { title: 'C’est à vous', text: 'Payez à temps pour la garder.' },
    paid: { title: 'Payé', text: 'Merci. Cette commande est terminée.' },
    free: { title: 'C’est à vous', text: 'C’est gratuit, il n’y a donc rien à payer.' },
    cancelled: { title: 'Commande annulée', text: 'Ses unités ont été rendues.' },
    expired: {
      title: 'Commande expirée',
      text: 'Elle n’a pas été payée à temps, ses unités ont donc été rendues.',
    },
    refund_due: {
      title: 'Votre paiement vous sera remboursé',
      text: 'Il est arrivé après la fin de la commande, et aucune unité ne pouvait plus être vendue en échange.',
    },
    refunded: {
      title: 'Votre paiement a été remboursé',
      text: 'Il est arrivé après la fin de la commande, et aucune unité ne pouvait plus être vendue en échange.',
    },
    sold_out: {
      title: 'Épuisé',
      text: 'La dernière unité est allée à une demande arrivée avant la vôtre.',
    },
    limit_reached: {
      title: 'Vous avez le maximum autorisé par personne',
      text: 'Cette demande n’a pas été ajoutée à vos commandes.',
    },
    closed: {
      title: 'La vente est terminée',
      text: 'Votre demande a été traitée après la fin de la vente, et rien n’a été commandé.',
    },
    rejected: {
      title: 'Cette demande n’a pas pu être prise',
      text: 'Rien n’a été commandé avec elle. Si vous appuyez de nouveau, vous envoyez une nouvelle demande.',
    },
  },

  page: {
    asking: { title: 'Obtention de votre ticket', text: 'Un instant.' },
    sending: { title: 'Envoi de votre demande', text: 'Un instant.' },
    solving: {
      title: 'D’abord un petit calcul',
      text: 'Votre appareil le résout de lui-même en quelques secondes, puis redemande votre ticket.',
    },
    puzzle_failed: {
      title: 'Le calcul n’a pas pu être résolu ici',
      text: 'Aucun ticket n’a été donné. Il faut un navigateur récent et une connexion sécurisée (https) : rechargez la page, ou utilisez un autre navigateur.',
    },
    reaching: {
      title: 'Pas de connexion avec la boutique',
      text: 'Votre demande n’a pas encore été envoyée. Cette page continue d’essayer pour vous.',
    },
    unsure: {
      title: 'La connexion a été interrompue',
      text: 'La boutique a peut-être déjà votre demande. Cette page redemande avec le même numéro, elle ne compte donc qu’une fois.',
    },
    unanswered: {
      title: 'La boutique ne répond pas',
      text: 'Votre demande n’a pas été envoyée. Vérifiez votre connexion.',
    },
    waitlist_unsure: {
      title: 'La boutique ne répond pas',
      text: 'Vous avez peut-être déjà une place dans la liste d’attente. Redemander ne vous en donne jamais une deuxième.',
    },
    not_found_yet: {
      title: 'La boutique n’a pas trace de votre demande',
      text: 'Elle n’est très probablement jamais arrivée. Appuyez de nouveau : elle garde son numéro, elle ne compte donc qu’une fois.',
    },
    following: {
      title: 'Votre demande est dans la file',
      text: 'La connexion a été interrompue, mais la boutique a votre demande. Cette page continue de demander le résultat.',
    },
    unauthenticated: {
      title: 'Veuillez vous connecter',
      text: 'Connectez-vous à la boutique, puis revenez sur cette page pour participer.',
    },
    not_found: {
      title: 'Introuvable',
      text: 'La boutique n’a rien pour vous à cette adresse.',
    },
    not_allowed_now: {
      title: 'Il est trop tard pour cela',
      text: 'La commande a changé. Vous voyez maintenant son état actuel.',
    },
    internal_error: {
      title: 'Un problème est survenu dans la boutique',
      text: 'Vous n’avez rien fait de mal. Ce que vous envoyez de nouveau ne compte qu’une fois.',
    },
    preview: {
      title: 'Ceci est un aperçu',
      text: 'Rien ne peut être acheté ici. La clientèle pourra appuyer sur ce bouton quand la vente sera ouverte.',
    },
  },

  reasons: {
    'closed/called_off': {
      title: 'La boutique a annulé cette vente',
      text: 'Les commandes de cette vente sont annulées, et les paiements reçus sont remboursés.',
    },
    'cancelled/by_shop': {
      title: 'La boutique a annulé cette commande',
      text: 'Son service client peut vous dire pourquoi.',
    },
    'cancelled/called_off': {
      title: 'Commande annulée',
      text: 'La boutique a annulé cette vente.',
    },
    'shed/lottery': {
      title: 'Votre place au tirage au sort n’est pas atteinte',
      text: 'Elle reste la même, même si vous appuyez souvent. La boutique laissera peut-être entrer plus de personnes plus tard, et votre place pourra alors être atteinte.',
    },
    'quota_spent/too_few_now': {
      title: 'Pas autant de disponibles pour le moment',
      text: 'Une partie des unités que vous demandez est disponible : demandez-en moins, ou réessayez pour toutes.',
    },
    'queued/delayed': {
      title: 'Votre demande prend plus de temps que d’habitude',
      text: 'Elle est en sécurité et compte une fois. Quelqu’un de la boutique doit l’examiner. Vous pouvez revenir plus tard.',
    },
    'sold_out/units_may_return': {
      title: 'Toutes les unités sont prises pour le moment',
      text: 'Les unités qui ne sont pas payées à temps reviennent. Elles vont d’abord aux personnes de la liste d’attente.',
    },
    'sold_out/all_drawn': {
      title: 'Il n’y a plus d’enveloppes',
      text: 'La somme a été répartie une seule fois, et aucune enveloppe ne revient.',
    },
    'rejected/refused_by_operator': {
      title: 'La boutique n’a pas pu traiter cette demande',
      text: 'Rien n’a été commandé avec elle, et rien n’est gardé pour elle. Si vous appuyez de nouveau, vous envoyez une nouvelle demande.',
    },
    'rejected/request_id_taken': {
      title: 'Cette demande n’a pas pu être prise',
      text: 'Son numéro appartient à quelqu’un d’autre. Si vous appuyez de nouveau, vous obtenez un nouveau numéro.',
    },
    'rejected/seats_taken': {
      title: 'Quelqu’un a été plus rapide',
      text: 'Rien n’a été commandé : une place que vous avez choisie est prise. Le plan montre ce qui est libre maintenant.',
    },
    'rejected/leaves_single': {
      title: 'Une place resterait seule',
      text: 'Rien n’a été commandé. Choisissez de sorte qu’aucune place ne reste seule entre d’autres.',
    },
  },

  puzzle: {
    label: 'Un petit calcul pour votre ticket',
    verifying: 'Votre appareil calcule…',
    verified: 'Résolu',
    error: 'Le calcul n’a pas pu être résolu ici.',
    waitAlert: 'Le calcul est en cours. Veuillez patienter.',
  },
  puzzleCauses: {
    operator: 'La boutique le demande à tout le monde en ce moment.',
    user_rate: 'La boutique le demande parce que vous avez appuyé très souvent.',
    network_rate: 'La boutique le demande parce que votre réseau a envoyé énormément de demandes.',
    network_users:
      'La boutique le demande parce qu’énormément de personnes viennent de votre réseau.',
    late_ticket: 'La boutique le demande parce que votre dernier ticket a été utilisé tard.',
    missing_headers:
      'La boutique le demande parce que votre navigateur en dit moins sur lui-même que les autres.',
  },

  lottery: {
    back: 'Retour à la vente',
    heading: 'Le tirage au sort d’une vente',
    headingOf: 'Le tirage au sort de « {title} »',
    summary:
      'Quand bien plus de personnes appuient qu’il n’y a d’unités, seule une partie d’entre elles est admise.',
    how: 'Comment ça marche',
    rank: 'Chaque utilisateur a un rang entre 0 et 1 : les 48 premiers bits de HMAC-SHA-256 de l’utilisateur, avec un secret de la vente pour clé. Une demande est admise si le rang de son utilisateur est inférieur à la part admise. Appuyer de nouveau ne change pas le rang.',
    atRandom:
      'En ce moment, les demandes sont admises au hasard, et chaque appui a une nouvelle chance. Les rangs décident seulement qui est servi en premier dans la liste d’attente.',
    below: 'En ce moment, les rangs inférieurs à {share} sont admis.',
    everyRank: 'En ce moment, tous les rangs sont admis.',
    hash: 'Le secret a été créé en même temps que la vente. Son empreinte SHA-256 est affichée ici dès le début, personne ne peut donc remplacer le secret :',
    secret: 'Le secret',
    secretLater: 'Il est affiché ici une fois passée l’heure de fin de la vente.',
    uncheckable:
      'Sans https, votre navigateur ne peut pas vérifier le secret. Chacun peut le vérifier avec : {command}',
    kept: 'C’est bien le secret dont l’empreinte était affichée avant la vente : votre navigateur vient de le vérifier.',
    broken:
      'Ce n’est pas le secret dont l’empreinte est affichée. La boutique n’a pas tenu parole.',
    user: 'Utilisateur',
    compute: 'Calculer le rang',
    result:
      'Rang {rank} : les demandes de cet utilisateur étaient admises tant que la part admise était d’au moins {share}.',
    missing: 'Cette vente n’existe pas.',
    offline: 'Pas de connexion avec la boutique. Cette page continue d’essayer.',
  },

  notices: {
    heading: 'Soyez prévenu hors de cette page',
    intro:
      'Nous vous prévenons quand vous avez commandé, quand votre délai de paiement va se terminer et quand l’article que vous attendez est à vous.',
    email: 'Adresse e-mail',
    ask: 'M’écrire',
    push: 'Notifier cet appareil',
    stop: 'Ne plus me prévenir',
    waiting: 'Regardez votre boîte aux lettres : un lien y confirme {address}.',
    emailOn: 'Nous écrivons à {address}.',
    pushOn: 'Les notifications sont activées.',
    bad: 'Nous ne pouvons pas écrire à cette adresse.',
    questions: 'Plusieurs liens ont déjà été envoyés. Cherchez le dernier ou réessayez demain.',
    failed: 'Cela n’a pas fonctionné. Réessayez.',
    denied: 'Votre navigateur n’autorise pas les notifications de cette boutique.',
    stopped: 'Vous ne serez plus prévenu.',
    confirmHeading: 'Confirmez votre adresse e-mail',
    confirmText: 'Ensuite, nous vous écrirons au sujet de vos commandes de cette vente.',
    confirm: 'Confirmer',
    confirmed: 'Confirmé. Nous vous écrirons au sujet de vos commandes.',
    leaveHeading: 'Se désabonner',
    leaveText: 'Ensuite, nous ne vous écrirons plus au sujet de vos commandes de cette vente.',
    leave: 'Se désabonner',
    left: 'Vous êtes désabonné.',
    gone: 'Ce lien n’est plus valable.',
    toShop: 'Vers la boutique',
  },
};

// @ts-check
/** The messages of the page in Spanish, of any country, with the formal address. */

/** @type {import('../js/language.js').Translated<import('../js/language.js').Texts>} */
export default {
  shop: 'Venta flash',
  language: 'Idioma',
  languageChanged: 'Esta página está ahora en español.',
  needsScript: 'Esta página necesita JavaScript.',
  free: 'Gratis',
  loading: 'Cargando',
  oneMoment: 'Un momento.',

  sentences: '{first} {second}',
  titled: '{title}. {text}',

  list: {
    skip: 'Ir a las ventas',
    headline: 'Pocas unidades.',
    headline2: 'Un solo momento.',
    choose: 'Elija una venta y esté presente cuando empiece.',
    heading: 'Ventas',
    none: 'Todavía no hay ninguna venta anunciada. La próxima aparecerá aquí por sí sola.',
    offline: 'Ahora mismo no hay conexión con la tienda. Esta página sigue intentándolo.',
  },

  sale: {
    skip: 'Ir a los productos',
    newGuest: 'Otro invitado',
    guestChanged: 'Ahora es usted otro invitado.',
    guest: 'Invitado {name}',
    signedIn: 'Sesión iniciada',
    signIn: 'Inicie sesión en la tienda para participar',
    coming: 'La venta se está cargando',
    products: 'Productos',
    pageTitle: '{phase}: {title}',
    offline:
      'Ahora mismo no hay conexión con la tienda. Esta página sigue intentándolo. Las solicitudes que la tienda ya tiene están a salvo.',
  },

  missing: {
    pageTitle: 'Esta venta no existe',
    pill: 'No encontrada',
    title: 'Esta venta no existe',
    text: 'Es posible que se haya retirado. La lista de ventas muestra las que hay.',
  },

  phases: {
    scheduled: 'Próximamente',
    open: 'A la venta',
    paused: 'En pausa',
    sold_out: 'Agotado',
    closed: 'Terminada',
  },

  countdown: {
    scheduled: 'Empieza en',
    open: 'Termina en',
    paused: 'En pausa por ahora. Termina en',
    sold_out: 'Se han vendido todas las unidades. Termina en',
    closed: 'Esta venta ha terminado',
  },
  units: { days: 'días', hours: 'horas', minutes: 'min', seconds: 's' },

  when: {
    noProducts: 'Los productos todavía no están aquí',
    opens: 'Empieza: {time} (su hora local)',
    until: 'Termina: {time} (su hora local)',
    endedEarly: 'La tienda la terminó antes de tiempo',
    closed: 'Terminó: {time} (su hora local)',
  },

  announcements: {
    opensSoon: 'La venta empieza {when}.',
    open: 'La venta ha empezado.',
    paused: 'La venta está en pausa.',
    sold_out: 'Todo está agotado.',
    closed: 'La venta ha terminado.',
  },

  rules: {
    heading: 'Cómo funciona',
    clock: 'Un solo reloj.',
    clockText:
      'Los botones se activan según el reloj de la tienda, esté donde esté. No hace falta recargar la página.',
    press: 'Una sola pulsación.',
    pressText:
      'Una solicitud en la cola cuenta una sola vez. Puede cerrar la página y volver más tarde.',
    guessing: 'Sin suposiciones.',
    guessingText:
      '«Agotado» significa que todas las unidades están pagadas. Hasta entonces, puede que vuelvan unidades.',
    lottery: 'Un sorteo justo.',
    lotteryText:
      'Si pulsan muchas más personas que unidades hay, es posible que la tienda admita solo a una parte de ellas por sorteo.',
    lotteryLink: 'Cómo funciona el sorteo y cómo puede comprobarlo cualquiera',
  },

  badges: {
    scheduled: 'Próximamente',
    paused: 'En pausa',
    closed: 'Venta terminada',
    plenty: 'Disponible',
    daily: 'Una vez al día',
    few: 'Quedan pocas',
    maybe: 'Quizás: puede que vuelvan unidades',
    sold_out: 'Agotado',
  },

  button: {
    inQueue: 'En la cola',
    busy: 'Un momento',
    closed: 'Venta terminada',
    reserved: 'Reservado para usted',
    yours: 'Es suyo',
    opensIn: 'Empieza en',
    paused: 'En pausa',
    soldOut: 'Agotado',
    impossible: 'No es posible',
    againIn: 'De nuevo en',
    try: 'Intentarlo',
    buy: 'Comprar ahora',
    today: 'Obtener el de hoy',
    draw: 'Abrir un sobre',
    of: ': {title}',
  },

  tile: {
    quantityOf: 'Cantidad de {title}',
    limit: {
      one: 'Una por persona',
      many: 'Hasta {count} de unidades por persona',
      other: 'Hasta {count} unidades por persona',
    },
    daily: 'Una al día',
    streak: {
      one: '{count} día seguido',
      many: '{count} de días seguidos',
      other: '{count} días seguidos',
    },
    payOrCancel: 'Pagar o cancelar',
    seeOrder: 'Ver su pedido',
  },

  plan: {
    open: 'Elegir en el plano',
    title: 'Plano: {title}',
    how: 'Elija con un toque, o con las flechas y la barra espaciadora. Si no elige, la tienda le da lo mejor que esté libre.',
    front: 'Delante',
    part: 'Filas que se muestran',
    free: 'libre',
    taken: 'ocupado',
    chosen: 'elegido',
    place: '{unit}, {state}',
    none: 'Todavía no ha elegido nada. Máximo: {count}.',
    full: 'No puede elegir más de {count}.',
    have: 'Elegido: {units}.',
    single: 'Quedaría un solo asiento entre otros. Elija otro, o también ese.',
    lost: 'Alguien fue más rápido: {units}. Elija de nuevo.',
    take: 'Tomar estos',
    close: 'Volver',
    offline: 'El plano no se puede cargar ahora. Esta página lo sigue intentando.',
    old: 'A las {time}. La tienda no sabe nada más reciente ahora.',
  },

  packets: {
    pot: {
      one: '{sum} en {count} sobre, uno por persona',
      many: '{sum} en {count} de sobres, uno por persona',
      other: '{sum} en {count} sobres, uno por persona',
    },
    divided: 'Repartido antes de que se abriera la venta. SHA-256 del reparto:',
    got: 'Ha recibido {sum}',
    paidOut: 'La tienda le paga este importe.',
  },

  again: {
    tryIn: 'Vuelva a intentarlo {when}.',
    tryNow: 'Ya puede volver a intentarlo.',
    trySpoken: 'El botón indica cuándo puede volver a intentarlo.',
    checkIn: 'Vuelva a comprobarlo {when}.',
    checkNow: 'Ya puede comprobar si le ha llegado el turno.',
    checkSpoken: 'El botón indica cuándo puede volver a comprobarlo.',
  },

  waitlist: {
    join: 'Unirse a la lista de espera',
    leave: 'Dejar la lista de espera',
    next: 'El siguiente turno es el suyo',
    ahead: {
      one: '{count} persona antes que usted',
      many: '{count} de personas antes que usted',
      other: '{count} personas antes que usted',
    },
    held: 'Si vuelve una unidad, aquí se le reserva. La lista de espera sigue el puesto en el sorteo, no el orden de llegada: quien tenga un puesto mejor va antes que usted, aunque llegue después.',
    allPaid: 'Todas las unidades están pagadas, así que por ahora no puede volver ninguna.',
    tryToBuy:
      'No todas las unidades están adjudicadas: intente comprar una o siga en la lista de espera.',
    served: 'Tiene una unidad reservada',
    servedText: 'Hasta: {time}. Pague ahora para conservarla.',
    ended: 'La venta ha terminado',
    endedWaiting: 'No volvió ninguna unidad para usted.',
    endedText: 'No volvió ninguna unidad para usted antes de que terminara.',
  },

  orders: {
    heading: 'Sus pedidos',
    incomplete:
      'Algunos de sus pedidos no se pueden mostrar en este momento. Están a salvo y esta página sigue buscándolos.',
    older: 'Mostrar pedidos anteriores',
    olderUnanswered: 'La tienda no responde. Sus pedidos están a salvo: inténtelo de nuevo.',
    number: 'Pedido {number}, {time}',
    seat: 'Fila {row}, asiento {seat}',
    payWithin: 'Quedan {time} para pagar',
    payUntil: 'hasta: {time}',
    awaiting: 'A la espera de su pago',
    payOver: 'El plazo de pago ha terminado. La tienda recupera las unidades.',
    pay: 'Pagar ahora',
    payTitle: 'Pagar ahora: {title}',
    cancel: 'Cancelar pedido',
    cancelTitle: 'Cancelar pedido: {title}',
    announcement: '{title}: {state}.',
    refundDue: 'Se le devolverá un pago que este pedido no puede usar: {sum}.',
    refundDone: 'Se le devolvió un pago que este pedido no pudo usar: {sum}.',
    refundDoneAt: 'Se le devolvió un pago que este pedido no pudo usar: {sum}, {time}.',
    shopRefundDue: 'Se le devolverá su pago: {sum}.',
    shopRefundDone: 'Se le devolvió su pago: {sum}.',
    shopRefundDoneAt: 'Se le devolvió su pago: {sum}, {time}.',
    payUnsure:
      'Todavía no hay respuesta. Es posible que su pago haya llegado: el pedido lo mostrará. Aunque pague otra vez, nunca se le cobrará dos veces.',
    cancelUnsure: 'Todavía no hay respuesta. El pedido mostrará si se canceló.',
    ownCheckout:
      'Esta tienda cobra en su propia página de pago. Su pedido queda reservado hasta la hora indicada.',
  },

  doorTickets: {
    show: 'Mostrar entradas',
    hide: 'Ocultar entradas',
    print: 'Imprimir',
    use: 'Muestre un código por persona en la entrada. Cada uno vale una sola vez. Si se devuelve un pedido, sus códigos dejan de valer.',
    alt: 'Código QR: {unit}',
    order: 'Pedido {number}',
    unanswered: 'La tienda no responde. Sus entradas están a salvo: inténtelo de nuevo.',
  },

  cancelDialog: {
    question: '¿Cancelar su pedido de {title}?',
    text: 'Otra persona podrá conseguirlo de inmediato y es posible que usted no consiga otro.',
    keep: 'Conservarlo',
    cancel: 'Cancelar pedido',
  },

  verdicts: {
    shed: {
      title: 'Esta vez no ha entrado',
      text: 'Pulsaron tantas personas en el mismo momento que solo se admitió una parte de las solicitudes.',
    },
    rate_limited: {
      title: 'Demasiado rápido',
      text: 'Usted o su red enviaron más solicitudes de las que la tienda acepta a la vez.',
    },
    cooldown: {
      title: 'Espere antes de su próxima solicitud',
      text: 'La tienda acaba de aceptar una solicitud suya. Acepta una por persona cada pocos segundos.',
    },
    quota_spent: {
      title: 'Ahora mismo no hay ninguna disponible aquí',
      text: 'No está agotado: en cualquier momento puede haber más unidades disponibles aquí.',
    },
    quota_unavailable: {
      title: 'Esta parte de la tienda no puede vender ahora mismo',
      text: 'Está a la espera de saber cuántas unidades puede vender.',
    },
    overloaded: {
      title: 'La tienda está muy concurrida',
      text: 'No se aceptó su solicitud, para poder atender a quienes ya están esperando.',
    },
    status_unavailable: {
      title: 'El estado no está disponible ahora mismo',
      text: 'La tienda no puede consultar su solicitud en este momento. Esto no cambia su resultado.',
    },
    sold_out: {
      title: 'Agotado',
      text: 'Todas las unidades están vendidas y pagadas, así que no puede volver ninguna.',
    },
    not_open: {
      title: 'Todavía no ha empezado',
      text: 'El botón se activa por sí solo a la hora anunciada.',
    },
    paused: {
      title: 'La venta está en pausa',
      text: 'La tienda ha detenido la venta por ahora. Las solicitudes que ya aceptó se siguen resolviendo.',
    },
    closed: { title: 'La venta ha terminado', text: 'No se aceptan más solicitudes.' },
    ticket_invalid: {
      title: 'Su tique ha caducado',
      text: 'Un tique vale solo unos segundos. Pulse otra vez para obtener uno nuevo.',
    },
    blocked: {
      title: 'Esta cuenta no puede participar',
      text: 'La tienda ha excluido esta cuenta o red de la venta. Su servicio de atención puede decirle por qué.',
    },
    units_available: {
      title: 'No todas las unidades están adjudicadas',
      text: 'Intente comprar una. La lista de espera es para las unidades que vuelven. Se abre cuando no queda ninguna.',
    },
    limit_reached: {
      title: 'Ya tiene el máximo por persona',
      text: 'Un puesto en la lista de espera no le daría más.',
    },
    line_full: {
      title: 'La lista de espera está llena',
      text: 'Todos los puestos están ocupados. Es posible que alguno quede libre dentro de un rato.',
    },
    no_waitlist: {
      title: 'Ahora no hay lista de espera',
      text: 'Cualquiera puede comprar las unidades que vuelven. Vuelva a mirar aquí.',
    },
    bad_request: {
      title: 'La tienda no ha entendido esta página',
      text: 'Recargue la página: puede que no esté actualizada.',
    },
  },

  outcomes: {
    queued: {
      title: 'Su solicitud está en la cola',
      text: 'Está a salvo y cuenta una sola vez. Puede quedarse aquí o volver más tarde.',
    },
    ordered: { title: 'Es suyo', text: 'Pague a tiempo para conservarlo.' },
    paid: { title: 'Pagado', text: 'Gracias. Este pedido está completo.' },
    free: { title: 'Es suyo', text: 'Es gratis, así que no hay nada que pagar.' },
    cancelled: { title: 'Pedido cancelado', text: 'Se devolvieron sus unidades.' },
    expired: {
      title: 'Pedido caducado',
      text: 'No se pagó a tiempo, así que se devolvieron sus unidades.',
    },
    refund_due: {
      title: 'Se le devolverá su pago',
      text: 'Llegó cuando el pedido ya había terminado y no se pudo vender ninguna unidad a cambio.',
    },
    refunded: {
      title: 'Se le devolvió su pago',
      text: 'Llegó cuando el pedido ya había terminado y no se pudo vender ninguna unidad a cambio.',
    },
    sold_out: {
      title: 'Agotado',
      text: 'La última unidad fue para una solicitud anterior a la suya.',
    },
    limit_reached: {
      title: 'Ya tiene el máximo por persona',
      text: 'Esta solicitud no se añadió a sus pedidos.',
    },
    closed: {
      title: 'La venta ha terminado',
      text: 'Su solicitud se resolvió después del final de la venta y no se pidió nada.',
    },
    rejected: {
      title: 'No se pudo aceptar esta solicitud',
      text: 'No se pidió nada con ella. Si pulsa otra vez, enviará una solicitud nueva.',
    },
  },

  page: {
    asking: { title: 'Obteniendo su tique', text: 'Un momento.' },
    sending: { title: 'Enviando su solicitud', text: 'Un momento.' },
    solving: {
      title: 'Primero, un pequeño cálculo',
      text: 'Su dispositivo lo resuelve por sí solo en unos segundos y después vuelve a pedir su tique.',
    },
    puzzle_failed: {
      title: 'No se pudo resolver el cálculo aquí',
      text: 'No se entregó ningún tique. Hace falta un navegador actual con una conexión segura (https): recargue la página o use otro navegador.',
    },
    reaching: {
      title: 'Sin conexión con la tienda',
      text: 'Su solicitud todavía no se ha enviado. Esta página sigue intentándolo por usted.',
    },
    unsure: {
      title: 'La conexión se interrumpió',
      text: 'Es posible que la tienda ya tenga su solicitud. Esta página vuelve a preguntar con el mismo número, así que cuenta una sola vez.',
    },
    unanswered: {
      title: 'La tienda no responde',
      text: 'Su solicitud no se ha enviado. Compruebe su conexión.',
    },
    waitlist_unsure: {
      title: 'La tienda no responde',
      text: 'Es posible que ya tenga un puesto en la lista de espera. Aunque lo pida otra vez, nunca tendrá dos.',
    },
    not_found_yet: {
      title: 'La tienda no tiene constancia de su solicitud',
      text: 'Lo más probable es que nunca haya llegado. Pulse otra vez: conserva su número, así que cuenta una sola vez.',
    },
    following: {
      title: 'Su solicitud está en la cola',
      text: 'La conexión se interrumpió, pero la tienda tiene su solicitud. Esta página sigue preguntando por el resultado.',
    },
    unauthenticated: {
      title: 'Inicie sesión',
      text: 'Inicie sesión en la tienda y vuelva después a esta página para participar.',
    },
    not_found: {
      title: 'No encontrado',
      text: 'La tienda no tiene nada para usted en esta dirección.',
    },
    not_allowed_now: {
      title: 'Ya es tarde para eso',
      text: 'El pedido ha cambiado. Ahora ve su estado actual.',
    },
    internal_error: {
      title: 'Algo salió mal en la tienda',
      text: 'Usted no hizo nada mal. Lo que envíe otra vez cuenta una sola vez.',
    },
    preview: {
      title: 'Esto es una vista previa',
      text: 'Aquí no se puede comprar nada. La clientela podrá pulsar este botón cuando la venta esté abierta.',
    },
  },

  reasons: {
    'closed/called_off': {
      title: 'La tienda ha cancelado esta venta',
      text: 'Los pedidos de esta venta se cancelan, y quien haya pagado recupera su dinero.',
    },
    'cancelled/by_shop': {
      title: 'La tienda ha cancelado este pedido',
      text: 'Su servicio de atención puede decirle por qué.',
    },
    'cancelled/called_off': {
      title: 'Pedido cancelado',
      text: 'La tienda ha cancelado esta venta.',
    },
    'shed/lottery': {
      title: 'Todavía no se ha llegado a su puesto en el sorteo',
      text: 'Es siempre el mismo, por muchas veces que pulse. Es posible que la tienda admita a más personas más tarde y que entonces se llegue a su puesto.',
    },
    'quota_spent/too_few_now': {
      title: 'Ahora mismo no hay tantas disponibles',
      text: 'Hay disponible una parte de las unidades que pide: pida menos o vuelva a intentarlo con todas.',
    },
    'queued/delayed': {
      title: 'Su solicitud tarda más de lo habitual',
      text: 'Está a salvo y cuenta una sola vez. Alguien de la tienda tiene que revisarla. Puede volver más tarde.',
    },
    'sold_out/units_may_return': {
      title: 'Por ahora, todas las unidades están adjudicadas',
      text: 'Las unidades que no se pagan a tiempo vuelven. Van primero a quienes están en la lista de espera.',
    },
    'sold_out/all_drawn': {
      title: 'Ya no quedan sobres',
      text: 'El importe se repartió una sola vez, y ningún sobre vuelve.',
    },
    'rejected/refused_by_operator': {
      title: 'La tienda no pudo resolver esta solicitud',
      text: 'No se pidió nada con ella y no hay nada reservado para ella. Si pulsa otra vez, enviará una solicitud nueva.',
    },
    'rejected/request_id_taken': {
      title: 'No se pudo aceptar esta solicitud',
      text: 'Su número pertenece a otra persona. Si pulsa otra vez, obtendrá un número nuevo.',
    },
    'rejected/seats_taken': {
      title: 'Alguien fue más rápido',
      text: 'No se pidió nada: un asiento que eligió ya está ocupado. El plano muestra lo que está libre ahora.',
    },
    'rejected/leaves_single': {
      title: 'Quedaría un solo asiento',
      text: 'No se pidió nada. Elija de modo que no quede un solo asiento entre otros.',
    },
  },

  puzzle: {
    label: 'Un pequeño cálculo para su tique',
    verifying: 'Su dispositivo está calculando…',
    verified: 'Resuelto',
    error: 'No se pudo resolver el cálculo aquí.',
    waitAlert: 'El cálculo está en marcha. Espere.',
  },
  puzzleCauses: {
    operator: 'La tienda se lo pide a todos en este momento.',
    user_rate: 'La tienda lo pide porque ha pulsado muchas veces.',
    network_rate: 'La tienda lo pide porque su red ha enviado muchísimas solicitudes.',
    network_users: 'La tienda lo pide porque muchísimas personas llegan desde su red.',
    late_ticket: 'La tienda lo pide porque su último tique se usó tarde.',
    missing_headers:
      'La tienda lo pide porque su navegador da menos datos sobre sí mismo que otros navegadores.',
  },

  lottery: {
    back: 'Volver a la venta',
    heading: 'El sorteo de una venta',
    headingOf: 'El sorteo de «{title}»',
    summary:
      'Cuando pulsan muchas más personas que unidades hay, solo se admite a una parte de ellas.',
    how: 'Cómo funciona',
    rank: 'Cada usuario tiene un puesto entre 0 y 1: los primeros 48 bits de HMAC-SHA-256 del usuario, con un secreto de la venta como clave. Una solicitud se admite si el puesto de su usuario está por debajo de la parte admitida. Pulsar otra vez no cambia el puesto.',
    atRandom:
      'Ahora mismo, las solicitudes se admiten al azar y cada pulsación tiene una nueva oportunidad. Los puestos solo deciden a quién se atiende primero en la lista de espera.',
    below: 'Ahora mismo, se admiten los puestos por debajo de {share}.',
    everyRank: 'Ahora mismo, se admiten todos los puestos.',
    hash: 'El secreto se creó junto con la venta. Su hash SHA-256 se muestra aquí desde el principio, así que nadie puede sustituir el secreto:',
    secret: 'El secreto',
    secretLater: 'Se muestra aquí cuando haya pasado la hora de cierre de la venta.',
    uncheckable:
      'Sin https, su navegador no puede comprobar el secreto. Cualquiera puede comprobarlo con: {command}',
    kept: 'Este es el secreto cuyo hash se mostró antes de la venta: su navegador acaba de comprobarlo.',
    broken: 'Este no es el secreto cuyo hash se muestra. La tienda no ha cumplido su palabra.',
    user: 'Usuario',
    compute: 'Calcular el puesto',
    result:
      'Puesto {rank}: las solicitudes de este usuario se admitieron mientras la parte admitida fue al menos de {share}.',
    missing: 'Esta venta no existe.',
    offline: 'Sin conexión con la tienda. Esta página sigue intentándolo.',
  },

  notices: {
    heading: 'Reciba avisos fuera de esta página',
    intro:
      'Le avisamos cuando haya hecho un pedido, cuando su plazo de pago esté a punto de terminar y cuando la unidad que espera sea suya.',
    email: 'Correo electrónico',
    ask: 'Escríbanme',
    push: 'Avisar en este dispositivo',
    stop: 'No recibir más avisos',
    waiting: 'Mire su buzón: un enlace confirma {address}.',
    emailOn: 'Escribimos a {address}.',
    pushOn: 'Las notificaciones están activadas.',
    bad: 'No podemos escribir a esa dirección.',
    questions: 'Ya se han enviado varios enlaces. Busque el último o inténtelo de nuevo mañana.',
    failed: 'No ha funcionado. Inténtelo de nuevo.',
    denied: 'Su navegador no permite notificaciones de esta tienda.',
    stopped: 'Ya no recibirá avisos.',
    confirmHeading: 'Confirme su dirección de correo',
    confirmText: 'Después le escribiremos sobre sus pedidos de esta venta.',
    confirm: 'Confirmar',
    confirmed: 'Confirmada. Le escribiremos sobre sus pedidos.',
    leaveHeading: 'Cancelar la suscripción',
    leaveText: 'Después ya no le escribiremos sobre sus pedidos de esta venta.',
    leave: 'Cancelar la suscripción',
    left: 'La suscripción está cancelada.',
    gone: 'Este enlace ya no es válido.',
    toShop: 'A la tienda',
  },
};

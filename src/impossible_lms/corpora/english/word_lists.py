"""The words of the built-in English, in classes, and the forms that no rule gives."""

# Open classes: the order of the words is their Zipfian rank. "look:at" is a word with the preposition it asks for.
NOUNS = {
    "person": """woman man child teacher friend doctor student boy girl mother father worker farmer writer neighbour
        sister brother driver artist nurse lawyer uncle aunt singer baker captain soldier king queen guest manager
        cook actor judge painter player scientist sailor hunter visitor gardener engineer tailor dancer priest officer
        customer cousin daughter son wife husband stranger poet guard pilot leader musician clerk mayor butcher
        carpenter secretary detective waiter student reporter professor builder plumber prince princess chef barber
        dentist thief hero lady grandmother grandfather nephew niece tourist mechanic librarian banker inventor editor
        merchant monk knight witch wizard giant fisherman policeman athlete author coach critic designer electrician
        explorer heir owner partner passenger patient pianist pupil ranger rival shepherd spy surgeon traveller twin
        violinist volunteer witness architect astronaut beggar champion comedian dwarf emperor expert fireman genius
        historian hostess inspector intern juggler landlord""",
    "animal": """dog cat horse bird mouse wolf bear fish sheep cow lion rabbit fox monkey elephant goose duck pig goat
        tiger frog snake hen bee owl turtle deer squirrel donkey eagle camel spider parrot ant butterfly kitten puppy
        rat pony lamb swan crow whale dolphin shark otter beaver badger hedgehog lizard crab giraffe zebra penguin
        ox calf hamster pigeon sparrow hawk moth wasp octopus""",
    "thing": """door car key box table window chair boat lamp bag clock bottle hat coat ball knife cup bed picture
        tree stone wheel basket bicycle mirror tool drawer blanket rope candle coin bucket camera piano umbrella
        ladder phone shoe glove ring hammer plate bowl pot spoon fork curtain carpet pillow desk shelf engine machine
        train ship plane bus truck cart wagon radio television computer screen button pen pencil brush needle scarf
        dress shirt jacket boot sock belt necklace watch crown sword shield flag drum guitar violin trumpet flute bell
        toy doll kite puzzle balloon statue vase flower rose branch leaf stick axe saw nail brick pipe wire cable
        battery bulb torch match oven kettle pan tray jar glass jug mug sack parcel suitcase wallet purse ticket
        stamp card envelope poster frame rug sofa stool bench cradle cupboard wardrobe helmet tent net anchor oar
        sail barrel crate lock chain hook lever spring magnet lens telescope microscope compass thermometer scale
        shovel rake hose tractor plough fence gate tile pebble shell feather bone tooth egg nest ornament instrument
        antique apron arrow bandage bracelet broom""",
    "food": """apple cake sandwich pie potato tomato sausage pancake cookie onion banana carrot egg orange pear peach
        cherry loaf biscuit berry lemon plum pizza burger muffin cucumber pepper mushroom omelette olive melon mango
        radish dumpling apricot""",
    "place": """house garden school park city village town kitchen forest street station church library market office
        room shop field hospital museum hotel restaurant theatre factory castle tower cave valley harbour airport
        cottage palace bakery stadium classroom cellar attic barn stable temple prison laboratory warehouse tavern
        gallery hall square cabin desert island alley apartment inn orchard embassy studio university""",
    "text": """book letter story poem song novel article newspaper report note message essay diary magazine play list
        script speech recipe review document manual contract biography postcard legend ballad opera riddle prayer""",
    "idea": """plan idea answer question problem reason rule secret name decision choice mistake promise theory argument
        dream memory opinion fact method project lie offer proposal suggestion solution explanation belief claim
        doubt law law tradition excuse rumour warning goal experiment habit crisis error analysis hypothesis theorem
        strategy compromise discovery""",
    "event": """party meeting wedding lesson concert game festival storm race parade trial election ceremony lecture
        dinner journey holiday strike debate lunch breakfast war battle performance interview flight test exam
        match funeral rehearsal harvest earthquake accident""",
    "mass": """bread cheese rice soup meat butter honey chocolate pasta salad porridge jam fruit bacon cabbage toast
        cereal spinach garlic yoghurt""",
    "drink": "water tea coffee milk wine juice beer lemonade cider cocoa",
    "period": "morning evening afternoon summer winter spring autumn past",
}
VERBS = {
    "act": """work sleep wait sing smile laugh dance cry swim rest dream play cough sneeze shout whisper pray cheer nod
        yawn sigh blush giggle weep kneel study cook paint practise worry complain hesitate shiver snore mumble stumble
        tremble grin frown retire succeed fail apologise argue joke gamble panic relax""",
    "move": """go come walk run travel hurry return drive climb march wander rush fly sail jump crawl ride race stroll
        creep cycle dash""",
    "prowl": "sleep run jump hide wait wander rest play scratch sniff escape swim dig drink breathe stretch roar",
    "chase": "chase follow watch bite attack smell hear scare find catch avoid lick",
    "handle": """buy find carry make sell open use break move clean paint lose hold drop fix build hide steal throw
        wash repair push pull lift choose collect borrow cut wrap pack deliver order touch burn measure polish count
        examine return fetch replace inspect decorate destroy guard cover draw kick paint ship test bury design mend
        admire hang store toss tap unload""",
    "meet": """see meet help visit call follow thank invite greet hug teach watch hear find join protect praise warn
        blame ignore forgive save lead stop interview photograph rescue surprise question kiss tease guide catch beat
        welcome mock scold accompany applaud""",
    "like": """like love know hate trust admire need remember want fear miss respect understand prefer recognise forget
        envy adore""",
    "eat": "eat cook taste buy bake cut share serve chop boil fry slice order bring try swallow",
    "sip": "drink pour spill taste serve bring order",
    "enter": "visit leave clean see find enter paint buy own sell build describe search explore photograph cross guard",
    "read": "read write finish like study publish copy translate remember print review edit quote send recite memorise",
    "weigh": """discuss understand explain accept like change reject know forget remember share support mention study
        describe consider question defend hear oppose approve repeat keep hate invent criticise imagine examine""",
    "attend": "attend enjoy plan watch miss remember organise hate describe ruin cancel leave interrupt announce",
    "please": """surprise please worry frighten help bore amuse annoy delight disappoint shock confuse comfort interest
        impress upset fascinate puzzle encourage disturb embarrass inspire excite scare entertain anger irritate""",
    "change": """fall break disappear move shine burn vanish fade crack rattle shake melt open close rust leak roll
        float sink creak collapse stink glow""",
    "happen": "begin end start continue happen stop resume",
    "say": """say think know believe hope hear claim suggest notice fear admit explain insist suspect argue realise
        discover agree assume complain doubt guess imagine announce dream decide conclude declare deny mention
        observe predict prove shout swear whisper""",
    "wonder": "wonder know ask forget discover remember decide see explain learn guess",
    "tell": "tell remind convince warn assure persuade inform promise",
    "want": """want try hope need plan decide learn refuse promise agree manage expect offer intend forget prepare
        attempt wish like love hesitate pretend tend threaten""",
    "ask": "ask tell help persuade order invite allow force teach encourage remind warn advise urge permit forbid want",
    "enjoy": "enjoy like love avoid stop keep start finish hate consider continue imagine resist recommend",
    "give": "give show send offer bring lend sell pass hand throw lease",
    "attach": """look:at talk:to wait:for listen:to think:about laugh:at play:with look:for smile:at talk:about
        work:with shout:at argue:with live:with point:at dream:about worry:about walk:with care:for agree:with
        stare:at pray:for complain:about travel:with depend:on believe:in wink:at deal:with sit:beside stand:behind""",
    "seem": "seem look feel become remain sound appear stay",
    "have": "have own need keep want lack",
}
ADJECTIVES = {
    "human": """old young happy tired kind tall sad good angry hungry brave clever careful honest busy poor rich
        lazy proud polite strong quiet nervous jealous lonely famous friendly generous patient calm curious rude
        gentle shy strict wise foolish weak healthy cheerful elegant clumsy stubborn loyal modest cruel silent gloomy
        anxious grumpy handsome thoughtful ambitious arrogant sensible cautious eager energetic intelligent""",
    "beast": """big small old hungry wild young brown black white fat tired lazy clever thirsty quiet dangerous fierce
        tame gentle brave noisy grey timid furry hairy enormous""",
    "solid": """old new big small red heavy blue green wooden broken black white long beautiful clean empty dirty cheap
        expensive yellow wet dry sharp soft hard thick thin shiny rusty round light dusty strange ugly large little
        huge tiny plain modern golden silver useful fragile colourful enormous ancient elegant smooth rough valuable
        comfortable narrow wide hollow crooked metallic oval""",
    "tasty": "fresh sweet big small hot cold delicious ripe warm good salty sour tasty bitter rotten organic",
    "local": """small old big beautiful quiet new famous large busy crowded modern dark ancient noisy empty ugly
        expensive strange clean peaceful lovely remote charming""",
    "abstract": """new good simple strange difficult interesting clear important old bad useful funny clever boring
        complicated famous foolish brilliant short dangerous sensible serious terrible wonderful unusual practical
        ridiculous elegant honest controversial original odd""",
    "eventful": "long short important boring strange big exciting terrible wonderful unforgettable noisy annual awful",
    "ready": "ready happy eager afraid able glad willing sorry keen reluctant determined",
    "afraid": "afraid:of proud:of angry:with tired:of jealous:of interested:in kind:to fond:of worried:about rude:to",
}
ADVERBS = {
    "manner": """quickly slowly quietly carefully loudly happily suddenly easily gently badly sadly angrily politely
        patiently calmly proudly eagerly nervously gracefully silently bravely cheerfully clumsily softly secretly
        stubbornly lazily noisily awkwardly anxiously boldly briefly cautiously coldly warmly rapidly steadily""",
    "often": "often always never usually sometimes rarely still frequently seldom occasionally certainly clearly",
    "perhaps": "perhaps sometimes usually fortunately obviously eventually apparently unfortunately clearly naturally",
    "very": "very so quite too really rather extremely fairly incredibly",
}
ADVERB_FEATURES = {"always": "PronType=Tot", "never": "PronType=Neg", "sometimes": "PronType=Ind"}
NAMES = {
    "first": """Anna Mary John Peter Sarah Tom Emma David Laura Paul Julia Daniel Alice Simon Helen Robert Clara Martin
        Nina Oscar Maria Leo Ruth Victor Ella Frank Lucy George Rosa Henry Sofia Adam Grace Felix Ivy Hugo Nora Max
        Olga Omar Priya Kenji Amina Chen Fatima Diego Ingrid Lars Yusuf Zoe Walter Edith Albert Beatrice Cyril Dora
        Elijah Gloria Harold Imogen Jasper Kate Liam Mina Nathan Olive Quentin Rachel Stella Theo Ursula Violet""",
    "city": """London Paris Rome Berlin Vienna Madrid Oslo Dublin Athens Cairo Lisbon Boston Chicago Tokyo Moscow Prague
        Warsaw Venice Delhi Lima Nairobi Sydney Toronto Geneva Kyoto Lagos Havana""",
    "day": "Monday Friday Sunday Saturday Tuesday Wednesday Thursday",
}
# key=form lemma upos xpos features; the key is the form where no other is given, and "-" is no feature.
CLOSED = """
the the DET DT Definite=Def|PronType=Art; a a DET DT Definite=Ind|PronType=Art; an a DET DT Definite=Ind|PronType=Art;
this this DET DT Number=Sing|PronType=Dem; these this DET DT Number=Plur|PronType=Dem;
that that DET DT Number=Sing|PronType=Dem; those that DET DT Number=Plur|PronType=Dem; some some DET DT PronType=Ind;
no no DET DT PronType=Neg; every every DET DT PronType=Tot; each each DET DT PronType=Tot;
another another DET DT PronType=Ind; all all DET PDT PronType=Tot; many many ADJ JJ Degree=Pos;
few few ADJ JJ Degree=Pos; several several ADJ JJ Degree=Pos;
my my PRON PRP$ Case=Gen|Number=Sing|Person=1|Poss=Yes|PronType=Prs;
your your PRON PRP$ Case=Gen|Person=2|Poss=Yes|PronType=Prs;
his his PRON PRP$ Case=Gen|Gender=Masc|Number=Sing|Person=3|Poss=Yes|PronType=Prs;
her her PRON PRP$ Case=Gen|Gender=Fem|Number=Sing|Person=3|Poss=Yes|PronType=Prs;
our our PRON PRP$ Case=Gen|Number=Plur|Person=1|Poss=Yes|PronType=Prs;
their their PRON PRP$ Case=Gen|Number=Plur|Person=3|Poss=Yes|PronType=Prs;
I I PRON PRP Case=Nom|Number=Sing|Person=1|PronType=Prs; you you PRON PRP Case=Nom|Person=2|PronType=Prs;
he he PRON PRP Case=Nom|Gender=Masc|Number=Sing|Person=3|PronType=Prs;
she she PRON PRP Case=Nom|Gender=Fem|Number=Sing|Person=3|PronType=Prs;
it it PRON PRP Case=Nom|Gender=Neut|Number=Sing|Person=3|PronType=Prs;
we we PRON PRP Case=Nom|Number=Plur|Person=1|PronType=Prs;
they they PRON PRP Case=Nom|Number=Plur|Person=3|PronType=Prs;
me I PRON PRP Case=Acc|Number=Sing|Person=1|PronType=Prs; you/Acc=you you PRON PRP Case=Acc|Person=2|PronType=Prs;
him he PRON PRP Case=Acc|Gender=Masc|Number=Sing|Person=3|PronType=Prs;
her/Acc=her she PRON PRP Case=Acc|Gender=Fem|Number=Sing|Person=3|PronType=Prs;
it/Acc=it it PRON PRP Case=Acc|Gender=Neut|Number=Sing|Person=3|PronType=Prs;
us we PRON PRP Case=Acc|Number=Plur|Person=1|PronType=Prs;
them they PRON PRP Case=Acc|Number=Plur|Person=3|PronType=Prs; someone someone PRON NN Number=Sing|PronType=Ind;
everyone everyone PRON NN Number=Sing|PronType=Tot; nobody nobody PRON NN Number=Sing|PronType=Neg;
who who PRON WP PronType=Rel; which which PRON WDT PronType=Rel; that/Rel=that that PRON WDT PronType=Rel;
who/Int=who who PRON WP PronType=Int; what what PRON WP PronType=Int; which/Int=which which DET WDT PronType=Int;
where where ADV WRB PronType=Int; when when ADV WRB PronType=Int; why why ADV WRB PronType=Int;
how how ADV WRB PronType=Int; there there PRON EX -; here here ADV RB PronType=Dem; more more ADV RBR Degree=Cmp;
please please INTJ UH -; and and CCONJ CC -; or or CCONJ CC -; but but CCONJ CC -; so so ADV RB -;
that/Sub=that that SCONJ IN -; whether whether SCONJ IN -; because because SCONJ IN -; if if SCONJ IN -;
although although SCONJ IN -; while while SCONJ IN -; before/Sub=before before SCONJ IN -;
after/Sub=after after SCONJ IN -; unless unless SCONJ IN -; until until SCONJ IN -; than than ADP IN -;
by by ADP IN -; of of ADP IN -; in in ADP IN -; on on ADP IN -; at at ADP IN -; to to ADP IN -; from from ADP IN -;
with with ADP IN -; near near ADP IN -; behind behind ADP IN -; beside beside ADP IN -; about about ADP IN -;
for for ADP IN -; into into ADP IN -; across across ADP IN -; through through ADP IN -; to/Inf=to to PART TO -;
not not PART RB Polarity=Neg; n't not PART RB Polarity=Neg; 's 's PART POS -; . . PUNCT . -; ? ? PUNCT . -;
! ! PUNCT . -; , , PUNCT , -; can can AUX MD VerbForm=Fin; ca can AUX MD VerbForm=Fin; will will AUX MD VerbForm=Fin;
wo will AUX MD VerbForm=Fin; 'll will AUX MD VerbForm=Fin; may may AUX MD VerbForm=Fin; must must AUX MD VerbForm=Fin;
should should AUX MD VerbForm=Fin; could could AUX MD VerbForm=Fin; would would AUX MD VerbForm=Fin;
'd would AUX MD VerbForm=Fin; might might AUX MD VerbForm=Fin
"""
NUMERALS = "two three four five six seven eight nine ten eleven twelve twenty"
CLITICS = {"be": "'m 're 's 're 're", "have": "'ve 've 's 've 've", "had": "'d 'd 'd 'd 'd"}

# Irregular forms: noun plural; verb past participle; adjective comparative.
PLURALS = dict(
    pair.split(":")
    for pair in [
        "woman:women",
        "man:men",
        "child:children",
        "mouse:mice",
        "goose:geese",
        "sheep:sheep",
        "fish:fish",
        "deer:deer",
        "ox:oxen",
        "calf:calves",
        "wolf:wolves",
        "thief:thieves",
        "knife:knives",
        "leaf:leaves",
        "shelf:shelves",
        "scarf:scarves",
        "loaf:loaves",
        "wife:wives",
        "tooth:teeth",
        "hero:heroes",
        "potato:potatoes",
        "tomato:tomatoes",
        "fisherman:fishermen",
        "policeman:policemen",
        "fireman:firemen",
        "crisis:crises",
        "analysis:analyses",
        "hypothesis:hypotheses",
        "mango:mangoes",
    ]
)
PASTS = {
    base: (past, participle)
    for base, past, participle in (
        triple.split(":")
        for triple in [
            "sleep:slept:slept",
            "sing:sang:sung",
            "swim:swam:swum",
            "weep:wept:wept",
            "kneel:knelt:knelt",
            "go:went:gone",
            "come:came:come",
            "run:ran:run",
            "drive:drove:driven",
            "fly:flew:flown",
            "ride:rode:ridden",
            "creep:crept:crept",
            "hide:hid:hidden",
            "dig:dug:dug",
            "drink:drank:drunk",
            "bite:bit:bitten",
            "hear:heard:heard",
            "find:found:found",
            "catch:caught:caught",
            "buy:bought:bought",
            "make:made:made",
            "sell:sold:sold",
            "break:broke:broken",
            "lose:lost:lost",
            "hold:held:held",
            "build:built:built",
            "steal:stole:stolen",
            "throw:threw:thrown",
            "choose:chose:chosen",
            "cut:cut:cut",
            "draw:drew:drawn",
            "see:saw:seen",
            "meet:met:met",
            "teach:taught:taught",
            "forgive:forgave:forgiven",
            "lead:led:led",
            "know:knew:known",
            "understand:understood:understood",
            "forget:forgot:forgotten",
            "eat:ate:eaten",
            "bring:brought:brought",
            "leave:left:left",
            "read:read:read",
            "write:wrote:written",
            "keep:kept:kept",
            "upset:upset:upset",
            "shake:shook:shaken",
            "fall:fell:fallen",
            "sink:sank:sunk",
            "stink:stank:stunk",
            "begin:began:begun",
            "say:said:said",
            "think:thought:thought",
            "swear:swore:sworn",
            "tell:told:told",
            "forbid:forbade:forbidden",
            "give:gave:given",
            "show:showed:shown",
            "send:sent:sent",
            "lend:lent:lent",
            "feel:felt:felt",
            "become:became:become",
            "have:had:had",
            "do:did:done",
            "be:was:been",
            "beat:beat:beaten",
            "hang:hung:hung",
            "deal:dealt:dealt",
            "sit:sat:sat",
            "stand:stood:stood",
        ]
    )
}
COMPARATIVES = {"good": "better", "bad": "worse"}
STRESSED_LAST = frozenset(("begin", "forget", "prefer", "admit", "permit", "forbid", "upset"))  # begin, beginning
ALSO_SYNTHETIC = frozenset(("simple", "gentle", "clever", "narrow", "quiet"))
